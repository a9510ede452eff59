import { expect, test } from "@jest/globals";
import { AttemptOutcome } from "../../../src/gen/execution/v1/usage_pb.js";
import { attemptsTold, createFaultRig } from "./rig.ts";
import { FAULT_WIRES } from "./wires.ts";

const using = (tokens: number) => ({ usage: { input_total: tokens, input_uncached: tokens, output_total: 1 } });

// Mutants seen red: the answer begun anew; parts of the second attempt as they come; a break that is not told; what the first used left out.
test.each(
  FAULT_WIRES.flatMap((wire) => (wire.continuing === undefined ? [] : [{ ...wire, farModel: wire.continuing }])),
)(
  "on the wire $kind a text that breaks off is gone on with in its part, which is marked, and said once",
  async ({ farModel, ...wire }) => {
    const rig = await createFaultRig(wire, {
      routing: { continuation: true },
      farModel,
      near: wire.play([using(3), { text: ["The ", "sky"] }, { truncate: true }]),
      far: wire.play([{ reasoning: ["Hm."] }, { text: [" is", " blue."] }, using(5)]),
    });
    try {
      const { events, text, error } = await rig.call();
      expect({ text, error }).toEqual({ text: "The sky is blue.", error: undefined });
      expect(attemptsTold(events)).toEqual(["attempt 0 near", "failed 0 UPSTREAM_TRUNCATED CONTINUE", "attempt 1 far"]);
      const parts = events.flatMap(({ event }) => (event.case === "textDelta" ? [event.value.part] : []));
      expect(new Set(parts).size).toBe(1);
      expect(JSON.stringify(Reflect.get(Object(rig.far.requests[0]?.json), "messages").at(-1))).toMatch(
        /"assistant".*"The sky"/,
      );
      expect(events.at(-1)?.event).toMatchObject({
        case: "finished",
        value: {
          attempt: 1,
          usage: { inputTotal: 8 },
          attempts: [
            { outcome: AttemptOutcome.FAILED, reason: "UPSTREAM_TRUNCATED", usage: { inputTotal: 3 } },
            { outcome: AttemptOutcome.WON, usage: { inputTotal: 5 } },
          ],
        },
      });
      expect(rig.calls()).toEqual([1, 1]);
    } finally {
      await rig.close();
    }
  },
);
