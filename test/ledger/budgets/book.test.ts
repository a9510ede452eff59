import { expect, test } from "@jest/globals";
import { createBudgetBook, keptBudgets } from "../../../src/ledger/budgets/book.ts";
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
  await book.remove("budget_t_7", 1, () => undefined, { name: "k", atMs: 0 });
  await create("t", "one more");
  expect(book.all()).toHaveLength(1_003);
});

// Mutants seen red: it is decided on the entry before it was read anew; the version is looked at first.
test("a change is decided on what a budget is by now, and before it is said which version that is", async () => {
  const records = createMemoryRecords();
  const author = { name: "k", atMs: 0 };
  const limit: Limit = { scope: "tenant", value: "t", window: "day", unit: "usd", amount: 1000n, mode: "hard" };
  const terms = (amount: bigint) => ({ amount, description: "", isPlatforms: false });
  const openBook = async () =>
    createBudgetBook({ records, kept: await keptBudgets(records), registry: createLimitRegistry(), limits: [] });
  const one = await openBook();
  await one.create("b", limit, terms(1000n), author, () => Promise.resolve());
  const other = await openBook();
  await other.change("b", 1, () => terms(10n), author);
  expect(one.find("b")?.limit.amount).toBe(1000n);
  await one.change("b", 2, (entry) => ({ ...terms(entry.limit.amount), description: "more" }), author);
  expect(one.find("b")).toMatchObject({ limit: { amount: 10n }, description: "more", version: 3 });

  const refuse = (): never => {
    throw new Error("not yours");
  };
  for (const version of [1, 3]) {
    await expect(other.change("b", version, refuse, author)).rejects.toThrow("not yours");
    await expect(other.remove("b", version, refuse, author)).rejects.toThrow("not yours");
  }
  await expect(other.remove("b", 2, () => undefined, author)).rejects.toMatchObject({ reason: "VERSION_CONFLICT" });
  await other.remove("b", 3, ({ limit: { amount } }) => expect(amount).toBe(10n), author);
  expect(await keptBudgets(records)).toEqual([]);
});
