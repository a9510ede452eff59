import fc from "fast-check";
import { resolveQuirks } from "../../../src/adapters/openai/quirk-settings.ts";
import { anyMistralRequest, anyOpenaiRequest } from "../../adapters/openai/random-requests.ts";
import { openaiSettings } from "../../adapters/openai/rig.ts";
import { loadOpenApi } from "../shared/open-api.ts";
import { type BodyCheck, describeSentBodies } from "../shared/sent-bodies.ts";
import { specProblems } from "../shared/specs.ts";
import { recordedChat } from "./recorded-chat.ts";
import { buildRecorded, recordedToRequest } from "./recorded-requests.ts";
import { REQUEST_EXCEPTIONS } from "./request-exceptions.ts";
import { VENDOR_WAIVERS } from "./spec-waivers.ts";

/*
 * Bodies for Mistral are checked against its own OpenAPI document, all others against OpenAI's: strictly those for OpenAI and Azure, those for
 * other vendors without the fields these add, by name.
 *
 * Mutants seen red: a result of a tool with the tool's name; schemas of functions as `input_schema`; `stream_options` for Mistral; `image` among the
 * modalities for OpenAI.
 */

function loadCheck(): BodyCheck {
  const openai = loadOpenApi("openai/openapi.yaml.gz", "CreateChatCompletionRequest");
  const mistral = loadOpenApi("mistral/openapi.yaml.gz", "ChatCompletionRequest");
  return (send, used) => {
    const { vendor } = resolveQuirks(send.settings, send.model);
    const waivers = VENDOR_WAIVERS[vendor] ?? [];
    return specProblems(vendor === "mistral" ? mistral : openai, buildRecorded(send).body, waivers, used);
  };
}

const settingsOf = (vendor: string) => fc.constant(openaiSettings("http://provider.invalid", { quirks: { vendor } }));

describeSentBodies({
  label: recordedChat.label,
  rows: recordedChat.rows,
  read: recordedToRequest,
  exceptions: REQUEST_EXCEPTIONS,
  loadCheck,
  waivers: Object.values(VENDOR_WAIVERS).flat(),
  random: [
    {
      name: "OpenAI's models",
      sends: fc.record({
        request: anyOpenaiRequest,
        model: fc.constantFrom("gpt-4.1", "gpt-5-mini", "o4-mini"),
        settings: settingsOf("openai"),
      }),
    },
    {
      name: "Mistral's models",
      sends: fc.record({
        request: anyMistralRequest,
        model: fc.constantFrom("mistral-medium-latest", "magistral-medium-latest"),
        settings: settingsOf("mistral"),
      }),
    },
  ],
});
