import { describe, expect, test } from "@jest/globals";
import { CostDimension } from "../../../src/gen/execution/v1/costs_pb.js";
import type { LedgerStore } from "../../../src/ledger/store.ts";
import { createMemoryStore } from "../../../src/ledger/stores/memory.ts";
import { attemptRow } from "../attempt-row.ts";
import { costQuery, describeLedgerStore, SUITE_METADATA_KEYS } from "../store-suite.ts";

describeLedgerStore("in memory", async () =>
  createMemoryStore({ maxSums: 10_000, maxAttemptIds: 10_000, metadataKeys: SUITE_METADATA_KEYS }),
);

describe("the store in memory", () => {
  const minuteMs = 60_000;
  const noon = Date.UTC(2026, 10, 26, 12);

  // Mutants seen red: the first minute that came forgotten instead of the oldest; nothing forgotten.
  test("forgets its oldest minutes past its bound, whichever came first", async () => {
    const store = createMemoryStore({ maxSums: 3, maxAttemptIds: 100 });
    for (const minute of [2, 0, 1, 3, 4]) await store.settle(attemptRow({ endedAtMs: noon + minute * minuteMs }));
    const { groups } = await store.costs(costQuery({ groupBy: [CostDimension.MINUTE] }));
    expect(groups.map(({ group }) => group[0]?.slice(14, 16))).toEqual(["02", "03", "04"]);
  });

  const { END_USER, MINUTE, MODEL, TENANT } = CostDimension;
  const attemptsBy = async (store: LedgerStore, ...groupBy: CostDimension[]) =>
    Object.fromEntries(
      (await store.costs(costQuery({ groupBy }))).groups.map(({ group, attempts }) => [group.join(), Number(attempts)]),
    );

  // Mutants seen red: a minute without a bound; models merged before end users; who has no end user among the others.
  test("keeps the sums of a minute with too many end users, then models, but not apart", async () => {
    const store = createMemoryStore({ maxSums: 5, maxAttemptIds: 100 });
    await store.settle(attemptRow({ model: "small" }));
    for (let user = 0; user < 20; user += 1) await store.settle(attemptRow({ endUserId: `user-${user}` }));
    expect(await attemptsBy(store, MODEL, END_USER)).toEqual({ "small,": 1, "m,(other)": 20 });
    for (let model = 0; model < 20; model += 1) await store.settle(attemptRow({ model: `model-${model}` }));
    expect(await attemptsBy(store, MODEL, END_USER)).toEqual({ "(other),(other)": 41 });
  });

  // Mutants seen red: one pool for all; minutes forgotten before any is merged; the newest merged first.
  test("lets the fresh end users of one tenant push out nobody else's sums, nor what its own come to", async () => {
    const store = createMemoryStore({ maxSums: 100, maxAttemptIds: 1000 });
    for (let minute = 0; minute < 20; minute += 1) {
      const endedAtMs = noon + minute * minuteMs;
      await store.settle(attemptRow({ tenant: "quiet", endUserId: `user-${minute}`, endedAtMs }));
      for (let user = 0; user < 40; user += 1) {
        await store.settle(attemptRow({ tenant: "loud", endUserId: `${minute}-${user}`, endedAtMs }));
      }
    }
    expect(await attemptsBy(store, TENANT)).toEqual({ loud: 800, quiet: 20 });
    const { groups } = await store.costs(costQuery({ groupBy: [END_USER], filter: { tenant: "quiet" } }));
    expect(groups.map(({ group }) => group[0]).sort()).toEqual(
      Array.from({ length: 20 }, (_, index) => `user-${index}`).sort(),
    );
    const loud = await store.costs(costQuery({ groupBy: [MINUTE, END_USER], filter: { tenant: "loud" } }));
    expect(loud.groups.filter(({ group }) => group[0] === "2026-11-26T12:19:00Z")).toHaveLength(40);
    expect(loud.groups.length).toBeLessThanOrEqual(80);
  });

  // Mutant seen red: metadata kept apart when end users are merged.
  test("keeps the sums of a minute with too many values of metadata, but not apart", async () => {
    const store = createMemoryStore({ maxSums: 3, maxAttemptIds: 100, metadataKeys: ["team"] });
    await store.settle(attemptRow());
    for (let team = 0; team < 20; team += 1) await store.settle(attemptRow({ metadata: { team: `t${team}` } }));
    const { groups } = await store.costs(costQuery({ groupBy: [CostDimension.METADATA], metadataKey: "team" }));
    expect(groups.map(({ group, attempts }) => [group[0], attempts])).toEqual([
      ["(other)", 20n],
      ["", 1n],
    ]);
  });

  // Mutant seen red: the oldest minute merged all the way before the next.
  test("merges end users of every minute before it merges models of one", async () => {
    const store = createMemoryStore({ maxSums: 4, maxAttemptIds: 100 });
    for (const minute of [0, 1]) {
      for (const model of ["one", "two"]) {
        for (const endUserId of ["ada", "bob"]) {
          await store.settle(attemptRow({ model, endUserId, endedAtMs: noon + minute * minuteMs }));
        }
      }
    }
    expect(await attemptsBy(store, MODEL, END_USER)).toEqual({ "one,(other)": 4, "two,(other)": 4 });
  });

  // Mutant seen red: a minute that cannot be merged is merged in name.
  test("keeps the names of what is alone in its minute", async () => {
    const store = createMemoryStore({ maxSums: 3, maxAttemptIds: 100 });
    for (const minute of [0, 1, 2, 3, 4]) {
      await store.settle(attemptRow({ endUserId: "ada", endedAtMs: noon + minute * minuteMs }));
    }
    expect(await attemptsBy(store, MODEL, END_USER)).toEqual({ "m,ada": 3 });
  });

  test("remembers the last ids only", async () => {
    const store = createMemoryStore({ maxSums: 10, maxAttemptIds: 2 });
    const rows = [attemptRow(), attemptRow(), attemptRow()];
    for (const row of [...rows, ...rows.slice(1)]) await store.settle(row);
    expect((await store.costs(costQuery())).total.attempts).toBe(3n);
    for (const row of rows.slice(0, 1)) await store.settle(row);
    expect((await store.costs(costQuery())).total.attempts).toBe(4n);
  });
});
