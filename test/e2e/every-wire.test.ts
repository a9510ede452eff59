import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { CASES, DEADLINE_CASE, type WireCase } from "./cases.ts";
import { type OpenGateway, openGateway } from "./gateway.ts";
import { brokenInvariant, type NormalFailure, type NormalOutcome, normalise, type Outcome } from "./outcome.ts";
import { shortFormOf } from "./short-form.ts";
import type { Wire, Wires } from "./wires.ts";

interface WireOutcome {
  readonly wire: Wire;
  readonly outcome: Outcome;
  readonly normal: NormalOutcome;
}

/** Makes one call on every wire that has its method. */
async function callAll({ all }: Wires, wireCase: WireCase): Promise<WireOutcome[]> {
  const wires = all.filter(({ kind }) => kind === "rpc" || wireCase.rpc === undefined);
  return Promise.all(wires.map((wire) => callOne(wire, wireCase)));
}

async function callOne(wire: Wire, wireCase: WireCase): Promise<WireOutcome> {
  const outcome = await wire.call(wireCase);
  return { wire, outcome, normal: normalise(outcome) };
}

/** What a case is there for really happens. */
function expectOutcome([first]: readonly WireOutcome[], wireCase: WireCase): void {
  const { events, failure } = first?.normal ?? { events: [], failure: null };
  const names = events.flatMap((event) => Object.keys(event as object));
  expect(names).toEqual(expect.arrayContaining([...(wireCase.events ?? [])]));
  const { failure: wanted } = wireCase;
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

/** Every wire gives what the first one gives. A message that cannot be read is bad in the words of its own encoding. */
function expectAlike(outcomes: readonly WireOutcome[], wireCase: WireCase): void {
  for (const { wire, outcome, normal } of outcomes) {
    const { name, kind, format } = wire;
    if (kind !== "short") expect({ name, broken: brokenInvariant(outcome) }).toEqual({ name, broken: undefined });
    const peer = outcomes.find((other) => wireCase.raw === undefined || other.wire.format === format)?.normal;
    const first = outcomes[0]?.normal;
    expect({ name, failure: normal.failure }).toEqual({ name, failure: peer?.failure });
    expect({ name, code: normal.failure?.code, info: normal.failure?.details[0] }).toEqual({
      name,
      code: first?.failure?.code,
      info: first?.failure?.details[0],
    });
    const events = kind === "short" ? shortFormOf(first?.events ?? []) : first?.events;
    expect({ name, events: normal.events }).toEqual({ name, events });
  }
}

describe("one and the same call on every wire", () => {
  let gateway: OpenGateway;

  beforeAll(async () => {
    gateway = await openGateway();
  });

  afterAll(async () => {
    await gateway.stop();
  });

  test.each(CASES)("has the same outcome: $name", async (wireCase) => {
    const outcomes = await callAll(gateway, wireCase);
    expectOutcome(outcomes, wireCase);
    expectAlike(outcomes, wireCase);
  });

  // The margin is 50 ms, and all of it happens in this process: where that stands still for so long the client is first, so it may try again. A
  // gateway without a margin is late each time.
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
