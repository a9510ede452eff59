import { anthropicKind } from "../../../src/adapters/anthropic/index.ts";
import { anthropicSettings, userRequest } from "../../adapters/anthropic/rig.ts";
import { describeRecordedAnswers } from "../shared/answers.ts";
import { SDK_EXCEPTIONS } from "./answer-exceptions.ts";
import { readWithSdk } from "./official-sdk.ts";
import { providerRun } from "./provider-run.ts";
import { recordedMessages } from "./recorded-messages.ts";

// Mutants seen red, beside those of the suite: the usage of message_start alone; results of provider-run tools left out.
describeRecordedAnswers({
  ...recordedMessages,
  kind: anthropicKind,
  transports: ["native", "sdk"],
  settingsOf: () => anthropicSettings("http://provider.invalid"),
  requestOf: () => ({ request: userRequest("Hi"), model: "any" }),
  readWithSdk,
  sdkExceptions: SDK_EXCEPTIONS,
  providerRun,
});
