import fc from "fast-check";
import { resolveQuirks } from "../../../src/adapters/anthropic/quirk-settings.ts";
import { buildRequest } from "../../../src/adapters/anthropic/request.ts";
import { anyModel, anyRequest } from "../../adapters/anthropic/random-requests.ts";
import { anthropicSettings } from "../../adapters/anthropic/rig.ts";
import type { JsonObject } from "../shared/json.ts";
import { type BodyCheck, describeSentBodies } from "../shared/sent-bodies.ts";
import { loadSpec, type SpecWaiver, specProblems } from "../shared/specs.ts";
import { recordedMessages } from "./recorded-messages.ts";
import { recordedToRequest } from "./recorded-requests.ts";
import { REQUEST_EXCEPTIONS } from "./request-exceptions.ts";

/*
 * The schemas were generated from the types of Anthropic's own SDK: those of its beta API where a beta is asked for, else the stable ones.
 *
 * Mutants seen red: a builder that writes `parameters` for `input_schema`, one that leaves `max_tokens` out, one that puts `cache_control` on
 * thinking, one that keeps `file_id` in citations.
 */

const WAIVERS: readonly SpecWaiver[] = [
  {
    path: /^(temperature|top_p|top_k)$/,
    reason:
      "the SDK took the sampling fields out of its types because models since Opus 4.7 refuse them; older models take them",
  },
];

const SETTINGS = anthropicSettings("https://api.anthropic.com");

function loadCheck(): BodyCheck {
  const stable = loadSpec("anthropic/message-create-params.schema.json");
  const beta = loadSpec("anthropic/beta-message-create-params.schema.json");
  return ({ request, model, settings }, used) => {
    const { body, betas } = buildRequest({ request, model, quirks: resolveQuirks(settings, model) });
    return specProblems(betas.length > 0 ? beta : stable, JSON.parse(body) as JsonObject, WAIVERS, used);
  };
}

describeSentBodies({
  label: recordedMessages.label,
  rows: recordedMessages.rows,
  read: recordedToRequest,
  exceptions: REQUEST_EXCEPTIONS,
  loadCheck,
  waivers: WAIVERS,
  random: [
    {
      name: "any kind of model",
      sends: fc.record({ request: anyRequest, model: anyModel, settings: fc.constant(SETTINGS) }),
    },
  ],
});
