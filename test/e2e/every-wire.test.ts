import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { CASES, DEADLINE_CASE, type WireCase } from "./cases.ts";
import { callAll, callOne, expectAlike, type WireOutcome } from "./compare.ts";
import { type OpenGateway, openGateway } from "./gateway.ts";
import type { NormalFailure } from "./outcome.ts";

/** What a case is there for really happens. */
function expectOutcome([first]: readonly WireOutcome[], wireCase: WireCase): void {
  const { events, failure } = first?.normal ?? { events: [], failure: null };
  const names = events.flatMap((event) => Object.keys(event as object));
  expect(names).toEqual(expect.arrayContaining([...(wireCase.events ?? [])]));
  const { failure: wanted } = wireCase;
  if (wanted !== undefined && wireCase.events === undefined) expect(names).toEqual([]);
  const types = failure?.details.map((detail) => String((detail as { "@type": string })["@type"]).replace(/.*\./, ""));
  const got = failure && { code: failure.code, reason: reasonOf(failure), details: types };
  expect(got).toEqual(
    wanted === undefined
      ? null
      : { code: wanted.code, reason: wanted.reason, details: ["ErrorInfo", ...(wanted.details ?? [])] },
  );
}

function reasonOf({ details }: NormalFailure): unknown {
  return (details[0] as { readonly reason?: unknown } | undefined)?.reason;
}

describe("one and the same call on every wire", () => {
  let gateway: OpenGateway;

  beforeAll(async () => {
    gateway = await openGateway();
  });

  afterAll(async () => {
    await gateway.stop();
  });

  // Mutants seen red: details left out of Connect's errors, of problem documents, of grpc-js's status (all but the first); RetryInfo forgotten; the
  // hand-written encoding without the part; unknown methods left to HTTP's 404; a refusal as `token` in the short form; a number left out of the
  // sequence; no final usage where the provider gave none; a failure after content that keeps its code; bytes that are no UTF-8 replaced; the
  // size of a message not looked at.
  test.each(CASES)("has the same outcome: $name", async (wireCase) => {
    const outcomes = await callAll(gateway, wireCase);
    expectOutcome(outcomes, wireCase);
    expectAlike(outcomes, wireCase);
  });

  // The margin is 50 ms, and all of it happens in this process: where that stands still for so long the client is first, so it may try again.
  // Mutant seen red: no margin, which is late each time.
  test("is ended by the gateway before the client gives up by itself", async () => {
    const outcomes = await Promise.all(
      gateway.all.map(async (wire) => {
        let outcome = await callOne(wire, DEADLINE_CASE);
        for (let tries = 1; tries < 5 && endedByItsClient(outcome); tries += 1) {
          outcome = await callOne(wire, DEADLINE_CASE);
        }
        return outcome;
      }),
    );
    expectOutcome(outcomes, DEADLINE_CASE);
    expectAlike(outcomes, DEADLINE_CASE);
  });
});

function endedByItsClient({ outcome: { failure } }: WireOutcome): boolean {
  return failure?.details.length === 0;
}
