import type { ProviderSettings } from "../../../src/adapters/adapter.ts";
import { openaiKind } from "../../../src/adapters/openai/index.ts";
import { openaiSettings, userRequest } from "../../adapters/openai/rig.ts";
import type { RecordingRow } from "../../support/recordings.ts";
import { describeRecordedAnswers } from "../shared/answers.ts";
import { SDK_EXCEPTIONS } from "./answer-exceptions.ts";
import { readWithSdk } from "./official-sdk.ts";
import { recordedChat } from "./recorded-chat.ts";

/** An instance of the vendor where we know it, else one of OpenAI's. */
function settingsOf({ provider }: RecordingRow): ProviderSettings {
  const plain = openaiSettings("http://provider.invalid/v1");
  const known = { ...plain, quirks: { vendor: provider } };
  return openaiKind.check(known).length === 0 ? known : plain;
}

describeRecordedAnswers({
  ...recordedChat,
  kind: openaiKind,
  transports: ["native", "sdk"],
  settingsOf,
  requestOf: () => ({ request: userRequest("Hi"), model: "any" }),
  readWithSdk,
  sdkExceptions: SDK_EXCEPTIONS,
});
