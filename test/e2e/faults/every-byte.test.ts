import { describe, expect, test } from "@jest/globals";
import type { Script } from "../../../src/adapters/mock/script.ts";
import type { Answer, Delivery } from "../../emulators/exchange.ts";
import { createFaultRig } from "./rig.ts";
import { eventsOf, FAULT_WIRES, withBytes } from "./wires.ts";

const TEXT = ["Zürich ", "語 🙂."];
/** How many calls run at once. */
const TOGETHER = 32;

const SCRIPT: Script = [
  { usage: { input_total: 3, input_uncached: 3, output_total: 1 } },
  { reasoning: ["Hm."] },
  { text: TEXT },
  { tool_call: { name: "look", id: "call_1", arguments: ['{"a":', "1}"] } },
];

/*
 * Mutants seen red: a decoder that takes the end of the body for the end of the answer; a usage that counts once it is final only.
 */
describe.each(FAULT_WIRES)("an answer on the wire $kind that is cut at any byte", (wire) => {
  test("never finishes, says nothing that was not said, and has its usage so far in the error", async () => {
    const exchange = wire.play(SCRIPT);
    const lengthOf = (events: number): number => withBytes(exchange, events, "").body?.length ?? 0;
    const cut = (bytes: number): Delivery => ({ kind: "cut-after-bytes", bytes, clean: bytes % 2 === 0 });
    const near: Answer = ({ rawBody }) => {
      const [, bytes] = /cut at (\d+)/.exec(Buffer.from(rawBody).toString("utf8")) ?? [];
      return { ...exchange, delivery: cut(Number(bytes)) };
    };
    const rig = await createFaultRig(wire, { alone: true, near });
    /** What went wrong with an answer that is cut there. */
    const problemsOf = async (bytes: number, usageAt: number): Promise<readonly string[]> => {
      const { error, text } = await rig.call(`cut at ${bytes}`);
      const input = error?.details.failure?.usage?.inputTotal;
      return [
        ...(error === undefined ? [`finished at ${bytes}`] : []),
        ...(TEXT.join("").startsWith(text) ? [] : [`said "${text}" at ${bytes}`]),
        ...(bytes < usageAt || input === 3 ? [] : [`used ${input} at ${bytes}`]),
      ];
    };
    try {
      // The events before the last two: what comes then is the end mark, or holds it.
      const end = lengthOf(eventsOf(exchange) - 2);
      expect(end).toBeGreaterThan(300);
      const usageAt = lengthOf(wire.usageEvents);
      for (let first = 0; first < end; first += TOGETHER) {
        const offsets = Array.from({ length: Math.min(TOGETHER, end - first) }, (_, index) => first + index);
        const problems = await Promise.all(offsets.map((bytes) => problemsOf(bytes, usageAt)));
        expect(problems.flat()).toEqual([]);
      }
      process.stdout.write(`${wire.kind}: cut at each of ${end} bytes\n`);
    } finally {
      await rig.close();
    }
  });
});
