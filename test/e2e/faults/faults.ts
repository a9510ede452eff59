import { expect } from "@jest/globals";
import type { Script } from "../../../src/adapters/mock/script.ts";
import { FinishReason } from "../../../src/gen/execution/v1/chat_pb.js";
import { AttemptOutcome } from "../../../src/gen/execution/v1/usage_pb.js";
import { type CallResult, createFaultRig, type FaultRig, type FaultRigOptions } from "./rig.ts";
import { eventsOf, type FaultWire, withBytes } from "./wires.ts";

/** One way in which a provider fails, and what must become of the call. */
export interface Fault {
  readonly name: string;
  readonly show: (wire: FaultWire) => Promise<void>;
}

/** Silence after which a provider is given up that falls silent, in milliseconds. */
const SILENCE_MS = 200;

/** Words a provider begins with before it fails. */
const BEGUN: Script = [{ usage: { input_total: 3, input_uncached: 3, output_total: 1 } }, { text: ["half ", "an "] }];

/** Opens the gateway of a fault, which is closed at its end. */
type Open = (options?: FaultRigOptions) => Promise<FaultRig>;

function fault(name: string, show: (open: Open, wire: FaultWire) => Promise<void>): Fault {
  return {
    name,
    show: async (wire) => {
      const rigs: FaultRig[] = [];
      const open: Open = async (options) => {
        const rig = await createFaultRig(wire, options);
        rigs.push(rig);
        return rig;
      };
      try {
        await show(open, wire);
      } finally {
        for (const rig of rigs) await rig.close();
      }
    },
  };
}

/** The call was answered, by whom, and after how many requests at each. */
async function expectAnswer(
  rig: FaultRig,
  said: "near" | "far",
  calls: readonly [number, number],
): Promise<CallResult> {
  const result = await rig.call();
  expect(result).toMatchObject({ text: said, error: undefined });
  expect(rig.calls()).toEqual(calls);
  return result;
}

/** The call ended after content: with what was said once, and its usage so far. */
async function expectAborted(rig: FaultRig, reason: string, said = "half an "): Promise<void> {
  const { text, error, events } = await rig.call();
  expect(error).toMatchObject({ code: "ABORTED", reason, retryable: false });
  expect(text).toBe(said);
  expect(events.at(-1)?.event.case).not.toBe("finished");
  expect(error?.details.failure).toMatchObject({
    usage: { inputTotal: 3 },
    attempts: [{ outcome: AttemptOutcome.FAILED }],
  });
  expect(rig.calls()).toEqual([1, 0]);
}

const refusal = (
  wire: FaultWire,
  reason: "PROVIDER_QUOTA" | "PROVIDER_INTERNAL" | "PROVIDER_UNAVAILABLE" | "CONTEXT_TOO_LONG",
) => wire.play([{ error: { reason } }]);

/** The sixteen faults, in the order of the promise. */
export const FAULTS: readonly Fault[] = [
  fault("429, with and without Retry-After: waited for where that is soon, else passed by", async (open, wire) => {
    const rig = await open();
    const limited = (retry_after_ms?: number) =>
      wire.play([{ error: { reason: "PROVIDER_RATE_LIMITED", retry_after_ms } }]);
    rig.near.enqueue(limited(50));
    await expectAnswer(rig, "near", [2, 0]);
    rig.near.enqueue(limited());
    await expectAnswer(rig, "far", [3, 1]);
    // It is left alone for a while, and that is no failure.
    await expectAnswer(rig, "far", [3, 2]);
  }),
  fault("429 because credit is used up: not tried again, by no call", async (open, wire) => {
    const rig = await open();
    rig.near.enqueue(refusal(wire, "PROVIDER_QUOTA"));
    await expectAnswer(rig, "far", [1, 1]);
    await expectAnswer(rig, "far", [1, 2]);
  }),
  fault("500 once: tried again", async (open, wire) => {
    const rig = await open();
    rig.near.enqueue(refusal(wire, "PROVIDER_INTERNAL"));
    await expectAnswer(rig, "near", [2, 0]);
  }),
  fault("503 for good: tried again twice, then passed by, soon without being asked", async (open, wire) => {
    const rig = await open({ near: refusal(wire, "PROVIDER_UNAVAILABLE") });
    await expectAnswer(rig, "far", [3, 1]);
    await expectAnswer(rig, "far", [5, 2]);
    await expectAnswer(rig, "far", [5, 3]);
  }),
  fault("a reset before the headers: tried again", async (open) => {
    const rig = await open();
    rig.near.enqueue({ delivery: { kind: "drop-before-headers", reset: true } });
    await expectAnswer(rig, "near", [2, 0]);
  }),
  fault("no response: passed by", async (open) => {
    const rig = await open({ silenceMs: SILENCE_MS });
    rig.near.enqueue({ delivery: { kind: "hold-headers" } });
    await expectAnswer(rig, "far", [1, 1]);
    await rig.near.waitForIdle();
  }),
  fault("a first token that does not come: passed by", async (open, wire) => {
    const rig = await open({ silenceMs: SILENCE_MS });
    rig.near.enqueue(wire.play([{ text: ["late"] }], { kind: "stall-after-events", events: 0 }));
    const { events } = await expectAnswer(rig, "far", [1, 1]);
    expect(events.flatMap(({ event }) => (event.case === "attemptFailed" ? [event.value.reason] : []))).toEqual([
      "PROVIDER_TIMEOUT",
    ]);
    await rig.near.waitForIdle();
  }),
  fault("a cut: after content the end, before it tried again", async (open, wire) => {
    const rig = await open();
    const cut = wire.play([...BEGUN, { truncate: true }]);
    rig.near.enqueue(cut);
    await expectAborted(rig, "UPSTREAM_TRUNCATED");
    rig.near.enqueue({ ...cut, delivery: { kind: "cut-after-bytes", bytes: 20, reset: true } });
    await expectAnswer(rig, "near", [3, 0]);
  }),
  fault("a stall after content: the end", async (open, wire) => {
    const rig = await open({ silenceMs: SILENCE_MS });
    rig.near.enqueue(wire.play([...BEGUN, { stall: true }]));
    await expectAborted(rig, "UPSTREAM_STALLED");
    await rig.near.waitForIdle();
  }),
  fault("a malformed chunk: after content the end, before it tried again", async (open, wire) => {
    const rig = await open();
    const begun = wire.play([...BEGUN, { truncate: true }]);
    rig.near.enqueue({ ...withBytes(begun, eventsOf(begun), wire.malformed), delivery: { kind: "event-per-write" } });
    await expectAborted(rig, "PROVIDER_PROTOCOL");
    rig.near.enqueue({ ...withBytes(begun, 0, wire.malformed), delivery: { kind: "whole" } });
    await expectAnswer(rig, "near", [3, 0]);
  }),
  fault("no end marker at the clean end of the body: no success", async (open, wire) => {
    const rig = await open();
    const begun = wire.play([...BEGUN, { truncate: true }]);
    rig.near.enqueue({ ...begun, delivery: { kind: "cut-after-events", events: eventsOf(begun), clean: true } });
    await expectAborted(rig, "UPSTREAM_TRUNCATED");
  }),
  fault("a context that is too long: goes to a larger one only", async (open, wire) => {
    const rig = await open({ contextWindows: [100, 200] });
    rig.near.enqueue(refusal(wire, "CONTEXT_TOO_LONG"));
    await expectAnswer(rig, "far", [1, 1]);
    const small = await open({ contextWindows: [200, 100] });
    small.near.enqueue(refusal(wire, "CONTEXT_TOO_LONG"));
    const { error } = await small.call();
    expect(error).toMatchObject({ reason: "CONTEXT_TOO_LONG", code: "INVALID_ARGUMENT", retryable: false });
    expect(small.calls()).toEqual([1, 0]);
  }),
  fault("a content filter: the provider's verdict, unless the persona wants another", async (open, wire) => {
    const rig = await open();
    if (wire.blocked === undefined) {
      // A block is an answer here, not an error.
      rig.near.enqueue(wire.play([{ finish: { reason: "CONTENT_FILTER" } }]));
      const { events, error } = await rig.call();
      expect(error).toBeUndefined();
      expect(events.at(-1)?.event.value).toMatchObject({ reason: FinishReason.CONTENT_FILTER });
      expect(rig.calls()).toEqual([1, 0]);
      return;
    }
    rig.near.enqueue(wire.blocked);
    expect((await rig.call()).error).toMatchObject({ reason: "CONTENT_BLOCKED", code: "FAILED_PRECONDITION" });
    expect(rig.calls()).toEqual([1, 0]);
    const willing = await open({ routing: { fallBackOnBlock: true } });
    willing.near.enqueue(wire.blocked);
    await expectAnswer(willing, "far", [1, 1]);
  }),
  fault("a provider that flaps: no call fails", async (open, wire) => {
    const rig = await open();
    for (let call = 0; call < 20; call += 1) {
      rig.near.enqueue(refusal(wire, "PROVIDER_INTERNAL"));
      expect((await rig.call()).error).toBeUndefined();
    }
    const [near, far] = rig.calls();
    expect(near + far).toBe(40);
  }),
  fault(
    "an error inside an answer whose status was 200: before content passed by, after it the end",
    async (open, wire) => {
      const rig = await open();
      const { inBand: reason } = wire;
      const begin = wire.play([
        { usage: { input_total: 3, input_uncached: 3, output_total: 1 } },
        { error: { reason } },
      ]);
      rig.near.enqueue(begin);
      const first = await rig.call();
      expect(first.error).toBeUndefined();
      expect(first.events.flatMap(({ event }) => (event.case === "attemptFailed" ? [event.value.reason] : []))).toEqual(
        [reason],
      );
      const other = await open();
      other.near.enqueue(wire.play([...BEGUN, { error: { reason } }]));
      await expectAborted(other, reason);
    },
  ),
  fault("the accounting of a fallback: every attempt counts, once", async (open, wire) => {
    const rig = await open();
    const { inBand: reason } = wire;
    const overloaded = wire.play([
      { usage: { input_total: 3, input_uncached: 3, output_total: 1 } },
      { error: { reason } },
    ]);
    rig.near.enqueue(overloaded, overloaded, overloaded);
    const { events } = await rig.call();
    const finished = events.at(-1)?.event;
    if (finished?.case !== "finished") throw new Error("it did not finish");
    const { attempts } = finished.value;
    const [failed, won] = [attempts.slice(0, -1), attempts.at(-1)];
    expect(failed.length).toBe(rig.calls()[0]);
    for (const attempt of failed)
      expect(attempt).toMatchObject({ outcome: AttemptOutcome.FAILED, reason, usage: { inputTotal: 3 } });
    expect(won?.outcome).toBe(AttemptOutcome.WON);
    expect(finished.value.usage?.inputTotal).toBe(3 * failed.length + (won?.usage?.inputTotal ?? 0));
    const { rows } = await rig.client.costs({ groupBy: [] });
    expect(rows).toMatchObject([{ attempts: BigInt(attempts.length) }]);
  }),
];
