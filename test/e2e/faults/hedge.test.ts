import { describe, expect, test } from "@jest/globals";
import type { HedgeSettings } from "../../../src/config/config.ts";
import { AttemptOutcome, Billed } from "../../../src/gen/execution/v1/usage_pb.js";
import type { Emulator } from "../../emulators/emulator.ts";
import type { Exchange } from "../../emulators/exchange.ts";
import { waitFor } from "../../support/wait.ts";
import { attemptsTold, createFaultRig, type FaultRig } from "./rig.ts";
import { FAULT_WIRES, type FaultWire } from "./wires.ts";

const hedge: HedgeSettings = { minDelayMs: 20, maxDelayMs: 20, maxCostNanoUsd: 0n };

/** Answers of a model after which it is known how long it usually takes. */
const KNOWN_AFTER = 20;

const using = (tokens: number) => ({ usage: { input_total: tokens, input_uncached: tokens, output_total: 1 } });

/** A gateway that hedges, and knows how long `near` usually takes. */
async function createHedgeRig(wire: FaultWire): Promise<FaultRig> {
  const rig = await createFaultRig(wire, { routing: { hedge } });
  for (let call = 0; call < KNOWN_AFTER; call += 1) await rig.call();
  expect(rig.calls()).toEqual([KNOWN_AFTER, 0]);
  return rig;
}

/** Whether the last request has got all that the answer says before it falls silent. */
const hasSaid = ({ requests }: Emulator, { body }: Exchange): boolean => requests.at(-1)?.sentBytes === body?.length;

/*
 * Mutants seen red: no second attempt; the loser left running; what it used left out; the second told before it has won.
 */
describe.each(FAULT_WIRES)("two providers on the wire $kind that are asked at once", (wire) => {
  test("give the answer of the second where the first is silent: it alone is told, and what both used", async () => {
    const rig = await createHedgeRig(wire);
    try {
      const silent = wire.play([using(3), { stall: true }]);
      rig.near.enqueue(silent);
      rig.far.route({}, async () => {
        await waitFor(() => hasSaid(rig.near, silent), { what: "the usage of the first" });
        return wire.play([using(5), { text: ["far"] }]);
      });
      const { events, text, error } = await rig.call();
      expect({ text, error }).toEqual({ text: "far", error: undefined });
      expect(attemptsTold(events)).toEqual(["attempt 0 near", "attempt 1 far"]);
      expect(events.at(-1)?.event).toMatchObject({
        case: "finished",
        value: {
          attempt: 1,
          usage: { inputTotal: 8 },
          attempts: [
            { attempt: 0, outcome: AttemptOutcome.CANCELLED, billed: Billed.YES, usage: { inputTotal: 3 } },
            { attempt: 1, outcome: AttemptOutcome.WON, billed: Billed.YES, usage: { inputTotal: 5 } },
          ],
        },
      });
      await rig.near.waitForIdle();
      expect(rig.near.requests.at(-1)?.how).toBe("client-closed");
      expect(rig.calls()).toEqual([KNOWN_AFTER + 1, 1]);
    } finally {
      await rig.close();
    }
  });

  test("give the answer of the first where it begins after all: nothing is told of the second but what it used", async () => {
    const rig = await createHedgeRig(wire);
    try {
      const silent = wire.play([using(5), { stall: true }]);
      rig.far.enqueue(silent);
      rig.near.route({}, async () => {
        await waitFor(() => hasSaid(rig.far, silent), { what: "the usage of the second" });
        return wire.play([using(3), { text: ["near"] }]);
      });
      const { events, text, error } = await rig.call();
      expect({ text, error }).toEqual({ text: "near", error: undefined });
      expect(attemptsTold(events)).toEqual(["attempt 0 near"]);
      expect(events.at(-1)?.event).toMatchObject({
        case: "finished",
        value: {
          attempt: 0,
          usage: { inputTotal: 8 },
          attempts: [
            { attempt: 0, outcome: AttemptOutcome.WON, usage: { inputTotal: 3 } },
            { attempt: 1, outcome: AttemptOutcome.CANCELLED, billed: Billed.YES, usage: { inputTotal: 5 } },
          ],
        },
      });
      await rig.far.waitForIdle();
      expect(rig.far.requests.at(-1)?.how).toBe("client-closed");
      expect(rig.calls()).toEqual([KNOWN_AFTER + 1, 1]);
    } finally {
      await rig.close();
    }
  });
});
