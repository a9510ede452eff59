import { afterAll, describe, expect, test } from "@jest/globals";
import { FAULTS } from "./faults.ts";
import { FAULT_WIRES } from "./wires.ts";

/*
 * Every fault of a provider, over a whole gateway, on every wire. Mutants seen red: an answer that is begun anew after content; a decoder that takes
 * the end of the body for the end of the answer; no limit on the first content; credit that is used up taken for a failure that passes; outcomes that
 * the breaker is not told.
 */
describe.each(FAULT_WIRES)("a provider on the wire $kind that fails", (wire) => {
  let shown = 0;
  test.each(FAULTS)("$name", async ({ show }) => {
    await show(wire);
    shown += 1;
  });

  afterAll(() => {
    process.stdout.write(`${wire.kind}: ${shown} of ${FAULTS.length} faults\n`);
  });
});

test("there are sixteen faults", () => {
  expect(FAULTS).toHaveLength(16);
});
