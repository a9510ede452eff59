import fc from "fast-check";
import { anyRequest } from "../../adapters/gemini/random-requests.ts";
import { geminiSettings } from "../../adapters/gemini/rig.ts";
import { type BodyCheck, describeSentBodies, type RandomSends } from "../shared/sent-bodies.ts";
import { type SpecWaiver, specProblems } from "../shared/specs.ts";
import { loadRequestType } from "./published-schema.ts";
import { recordedGemini } from "./recorded-gemini.ts";
import { buildRecorded, recordedToRequest } from "./recorded-requests.ts";
import { REQUEST_EXCEPTIONS } from "./request-exceptions.ts";

/*
 * The bodies are read by the published protos of the Generative Language API.
 *
 * Mutants seen red: schemas of functions sent as they are under `parameters`; a level of thinking in a field `level`.
 */

const NEWER = "is newer than the published protos; it is in the types of googleapis/js-genai (commit 6e9b35c)";

const WAIVERS: readonly SpecWaiver[] = [
  { path: /^serviceTier$/, reason: NEWER },
  { path: /^tools\[\d+\]\.mcpServers$/, reason: NEWER },
  { path: /^toolConfig\.includeServerSideToolInvocations$/, reason: NEWER },
  { path: /^toolConfig\.functionCallingConfig\.streamFunctionCallArguments$/, reason: NEWER },
  { path: /^generationConfig\.thinkingConfig\.thinkingLevel$/, reason: NEWER },
  { path: /^contents\[\d+\]\.parts\[\d+\]\.(toolCall|toolResponse)$/, reason: NEWER },
  { path: /^contents\[\d+\]\.parts\[\d+\]\.(executableCode|codeExecutionResult)\.id$/, reason: NEWER },
];

function loadCheck(): BodyCheck {
  const check = loadRequestType();
  return (send, used) => specProblems(check, buildRecorded(send).body, WAIVERS, used);
}

const anyModel = fc.constantFrom(
  "gemini-3.8-flash",
  "gemini-3-pro-preview",
  "gemini-2.5-flash",
  "gemini-2.5-pro",
  "gemini-2.0-flash",
);

const randomSends = (schemas: "json_schema" | "openapi"): RandomSends => ({
  name: `schemas as ${schemas}`,
  sends: fc.record({
    request: anyRequest,
    model: anyModel,
    settings: fc
      .constantFrom("gemini_api", "vertex")
      .map((surface) => geminiSettings("http://provider.invalid", { quirks: { surface, schemas } })),
  }),
});

describeSentBodies({
  label: recordedGemini.label,
  rows: recordedGemini.rows,
  read: recordedToRequest,
  exceptions: REQUEST_EXCEPTIONS,
  loadCheck,
  waivers: WAIVERS,
  random: [randomSends("json_schema"), randomSends("openapi")],
});
