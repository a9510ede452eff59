import { describe, expect, test } from "@jest/globals";
import { CostDimension } from "../../../src/gen/execution/v1/costs_pb.js";
import { createMemoryStore } from "../../../src/ledger/stores/memory.ts";
import { attemptRow, costQuery, describeLedgerStore } from "../store-suite.ts";

describeLedgerStore("in memory", async () => createMemoryStore({ maxSums: 10_000, maxAttemptIds: 10_000 }));

describe("the store in memory", () => {
  const minuteMs = 60_000;
  const noon = Date.UTC(2026, 10, 26, 12);

  // Mutants seen red: the first minute that came forgotten instead of the oldest; nothing forgotten.
  test("forgets its oldest minutes past its bound, whichever came first", async () => {
    const store = createMemoryStore({ maxSums: 3, maxAttemptIds: 100 });
    for (const minute of [2, 0, 1, 3, 4]) await store.append(attemptRow({ endedAtMs: noon + minute * minuteMs }));
    const { groups } = await store.costs(costQuery({ groupBy: [CostDimension.MINUTE] }));
    expect(groups.map(({ group }) => group[0]?.slice(14, 16))).toEqual(["02", "03", "04"]);
  });

  // Mutant seen red: a minute without a bound.
  test("keeps the sums of a minute with too many models or end users, but not apart", async () => {
    const store = createMemoryStore({ maxSums: 5, maxAttemptIds: 100 });
    for (let user = 0; user < 20; user += 1) await store.append(attemptRow({ endUserId: `user-${user}` }));
    const { groups, total } = await store.costs(costQuery({ groupBy: [CostDimension.END_USER] }));
    expect(total.attempts).toBe(20n);
    expect(groups).toHaveLength(6);
    expect(groups[0]).toMatchObject({ group: ["(other)"], attempts: 15n });
  });

  test("remembers the last ids only", async () => {
    const store = createMemoryStore({ maxSums: 10, maxAttemptIds: 2 });
    const rows = [attemptRow(), attemptRow(), attemptRow()];
    for (const row of [...rows, ...rows.slice(1)]) await store.append(row);
    expect((await store.costs(costQuery())).total.attempts).toBe(3n);
    for (const row of rows.slice(0, 1)) await store.append(row);
    expect((await store.costs(costQuery())).total.attempts).toBe(4n);
  });
});
