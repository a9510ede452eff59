import { geminiKind } from "../../../src/adapters/gemini/index.ts";
import { geminiSettings } from "../../adapters/gemini/rig.ts";
import { describeRecordedAnswers } from "../shared/answers.ts";
import { SDK_EXCEPTIONS } from "./answer-exceptions.ts";
import { readWithSdk } from "./official-sdk.ts";
import { providerRun } from "./provider-run.ts";
import { recordedGemini } from "./recorded-gemini.ts";
import { sendOf } from "./recorded-requests.ts";

/*
 * Mutants seen red, beside those of the shared suite: thoughts told as text, the first chunk's usage kept, a number of an enum read as its word.
 */
describeRecordedAnswers({
  ...recordedGemini,
  kind: geminiKind,
  transports: ["native", "sdk"],
  settingsOf: (row) => ({ ...geminiSettings("http://provider.invalid"), quirks: sendOf(row).settings.quirks }),
  requestOf: sendOf,
  readWithSdk,
  sdkExceptions: SDK_EXCEPTIONS,
  providerRun,
});
