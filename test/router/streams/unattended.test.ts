import { expect, test } from "@jest/globals";
import { createUnattended } from "../../../src/router/streams/unattended.ts";

/** A bound, and what became of each call that went on. */
function rig(maxContinued: number) {
  const unattended = createUnattended({ continueMs: 60_000, maxContinued });
  const ended: string[] = [];
  const stops: (() => void)[] = [];
  return {
    ended,
    wait: (tenant: string, call: string): boolean => {
      const stop = unattended.wait(tenant, ({ reason }) => ended.push(`${call} ${reason}`));
      if (stop !== undefined) stops.push(stop);
      return stop !== undefined;
    },
    stopAll: () => {
      for (const stop of stops) stop();
    },
  };
}

// Mutant seen red: places given to who comes first, all of which one tenant can take and keep.
test("a tenant that has many calls without a reader gives way to one that has fewer, its oldest first", () => {
  const { wait, ended, stopAll } = rig(4);
  for (const call of ["a1", "a2", "a3", "a4"]) expect(wait("a", call)).toBe(true);
  expect(wait("a", "a5")).toBe(false);
  expect(wait("b", "b1")).toBe(true);
  expect(wait("b", "b2")).toBe(true);
  expect(ended).toEqual(["a1 CANCELLED", "a2 CANCELLED"]);
  expect(wait("b", "b3")).toBe(false);
  expect(wait("c", "c1")).toBe(true);
  expect(ended).toHaveLength(3);
  stopAll();
});

test("a place that is given back is another's, whoever asks", () => {
  const { wait, ended, stopAll } = rig(1);
  expect(wait("a", "a1")).toBe(true);
  expect(wait("b", "b1")).toBe(false);
  stopAll();
  expect(wait("b", "b1")).toBe(true);
  stopAll();
  stopAll();
  expect(wait("a", "a2")).toBe(true);
  stopAll();
  expect(ended).toEqual([]);
});
