import { expect, test } from "@jest/globals";
import { createBudgetBook } from "../../../src/ledger/budgets/book.ts";
import { createLimitRegistry } from "../../../src/ledger/budgets/registry.ts";
import { createMemoryRecords } from "../../../src/ledger/stores/memory-records.ts";
import type { Limit } from "../../../src/limit.ts";

// Mutants seen red: no bound of a tenant's own; one that counts those of all tenants, or the platform's.
test("one tenant's admins cannot take the room of the others' and the platform's budgets", async () => {
  const records = createMemoryRecords();
  const book = createBudgetBook({ records, kept: [], registry: createLimitRegistry(), limits: [] });
  const create = (tenant: string, value: string, isPlatforms = false): Promise<unknown> => {
    const limit: Limit = { scope: "end_user", tenant, value, window: "day", unit: "usd", amount: 1n, mode: "hard" };
    const terms = { amount: 1n, description: "", isPlatforms };
    return book.create(`budget_${tenant}_${value}`, limit, terms, { name: "k", atMs: 0 }, () => Promise.resolve());
  };
  await create("t", "of the platform", true);
  for (let count = 0; count < 1_000; count += 1) await create("t", `${count}`);
  await expect(create("t", "one more")).rejects.toMatchObject({ reason: "OVERLOADED", retryable: false });
  await create("u", "one");
  await create("t", "another of the platform", true);
  await book.remove("budget_t_7", 1, { name: "k", atMs: 0 });
  await create("t", "one more");
  expect(book.all()).toHaveLength(1_003);
});
