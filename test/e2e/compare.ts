import { expect } from "@jest/globals";
import type { WireCase } from "./cases.ts";
import { brokenInvariant, type NormalOutcome, normalise, type Outcome } from "./outcome.ts";
import { shortFormOf } from "./short-form.ts";
import type { Wire, Wires } from "./wires.ts";

/** What one wire made of a call. */
export interface WireOutcome {
  readonly wire: Wire;
  readonly outcome: Outcome;
  readonly normal: NormalOutcome;
}

/** Makes one call on every wire that has its method. */
export async function callAll({ all }: Wires, wireCase: WireCase): Promise<WireOutcome[]> {
  const wires = all.filter(({ kind }) => kind === "rpc" || wireCase.rpc === undefined);
  return Promise.all(wires.map((wire) => callOne(wire, wireCase)));
}

/** Makes one call on one wire. */
export async function callOne(wire: Wire, wireCase: WireCase): Promise<WireOutcome> {
  const outcome = await wire.call(wireCase);
  return { wire, outcome, normal: normalise(outcome) };
}

/** Every wire gives what the first one gives. A message that cannot be read is bad in the words of its own encoding. */
export function expectAlike(outcomes: readonly WireOutcome[], wireCase: WireCase): void {
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
    const messages = kind === "short" ? [] : first?.messages;
    expect({ name, messages: normal.messages }).toEqual({ name, messages });
    const events = kind === "short" ? shortFormOf(first?.events ?? []) : first?.events;
    expect({ name, events: normal.events }).toEqual({ name, events });
  }
}
