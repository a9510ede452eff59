import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { resolveQuirks } from "../../../src/adapters/anthropic/quirk-settings.ts";
import { type BuiltRequest, buildRequest } from "../../../src/adapters/anthropic/request.ts";
import { ExecutionError } from "../../../src/errors.ts";
import type { ChatRequest } from "../../../src/gen/execution/v1/chat_pb.js";
import { anyModel, anyRequest } from "../../adapters/anthropic/random-requests.ts";
import { anthropicSettings } from "../../adapters/anthropic/rig.ts";
import type { JsonObject } from "../shared/json.ts";
import { say } from "../shared/recorded-wire.ts";
import { loadSpec, type SpecWaiver, specProblems, specsAvailable } from "../shared/specs.ts";
import { recordedMessages } from "./recorded-messages.ts";
import { recordedToRequest } from "./recorded-requests.ts";
import { REQUEST_EXCEPTIONS } from "./request-exceptions.ts";

/*
 * What we send validates against the schemas that were generated from the types of Anthropic's own SDK: those of its beta API where a beta is
 * asked for, else the stable ones. Members that are waived stand below with their reasons.
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

const build = (request: ChatRequest, model: string): BuiltRequest =>
  buildRequest({ request, model, quirks: resolveQuirks(SETTINGS, model) });

describe("what is sent to Anthropic", () => {
  if (!specsAvailable()) {
    test("needs the published schemas to be compared with, of which this machine has none (EP_TEST_SPECS)", () => {
      say("checked 0 of 0 messages requests against Anthropic's schema: there is none");
      expect(specsAvailable()).toBe(false);
    });
    return;
  }

  const stable = loadSpec("anthropic/message-create-params.schema.json");
  const beta = loadSpec("anthropic/beta-message-create-params.schema.json");
  const problemsOf = ({ body, betas }: BuiltRequest, used: (reason: string) => void): string[] =>
    specProblems(betas.length > 0 ? beta : stable, JSON.parse(body) as JsonObject, WAIVERS, used);

  test("fits its schema, for every recorded request", () => {
    const counts = new Map<string, number>();
    const count = (reason: string): unknown => counts.set(reason, (counts.get(reason) ?? 0) + 1);
    const refused = REQUEST_EXCEPTIONS.filter((exception) => exception.refused !== undefined).map(({ id }) => id);
    const rows = recordedMessages.rows.filter(({ id, requestRecorded }) => requestRecorded && !refused.includes(id));
    const problems = rows.flatMap((row) => {
      const { request, model } = recordedToRequest(row, []);
      return problemsOf(build(request, model), count).map((problem) => `${row.id} ${problem}`);
    });
    say(`checked ${rows.length} recorded messages requests against Anthropic's schema (${refused.length} refused)`);
    for (const [reason, times] of counts) say(`  waived ${times} times: ${reason}`);
    expect(problems).toEqual([]);
  });

  test("fits its schema, for random requests and every kind of model", () => {
    let built = 0;
    fc.assert(
      fc.property(anyRequest, anyModel, (request, model) => {
        const made = buildOrRefuse(request, model);
        if (made === undefined) return;
        built += 1;
        expect(problemsOf(made, () => undefined)).toEqual([]);
      }),
      { numRuns: 2000 },
    );
    say(`checked ${built} of 2000 random requests against Anthropic's schema; the others were refused`);
    expect(built).toBeGreaterThan(200);
  });
});

function buildOrRefuse(request: ChatRequest, model: string): BuiltRequest | undefined {
  try {
    return build(request, model);
  } catch (error) {
    if (error instanceof ExecutionError) return undefined;
    throw error;
  }
}
