import { create } from "@bufbuild/protobuf";
import { beforeEach, describe, expect, test } from "@jest/globals";
import {
  BudgetScope,
  BudgetUnit,
  BudgetWindow,
  CreateBudgetRequestSchema,
  DeleteBudgetRequestSchema,
  UpdateBudgetRequestSchema,
} from "../../../src/gen/execution/v1/budgets_pb.js";
import { Role } from "../../../src/gen/execution/v1/options_pb.js";
import { createBudgetBook, keptBudgets } from "../../../src/ledger/budgets/book.ts";
import type { RecordStore } from "../../../src/ledger/records.ts";
import { createMemoryStore } from "../../../src/ledger/stores/memory.ts";
import { createMemoryRecords } from "../../../src/ledger/stores/memory-records.ts";
import { createBudgets } from "../../../src/router/admin/budgets.ts";
import { testBudgets, testContext, testState } from "../../support/routing.ts";

const as = (tenant: string, role: Role) =>
  testContext({ principal: { tenant, key: "k", roles: [role], providerOptions: false } });
const admin = as("t", Role.TENANT_ADMIN);
const stranger = as("u", Role.TENANT_ADMIN);
const platform = as("p", Role.PLATFORM_ADMIN);
const state = (() => {
  const { config, ...rest } = testState([]);
  const key = { name: "k", sha256: "", tenant: "t", roles: [], providerOptions: false };
  return { ...rest, config: { ...config, keys: [key] } };
})();

/** The RPCs of one of the processes that share records. Its book knows what was there when it began, and what it was told since. */
async function openProcess(records: RecordStore) {
  const { limits, counters, log } = testBudgets();
  const budgets = createBudgets({
    ...{
      counters,
      log,
      state: () => state,
      nowMs: () => 0,
      newId: () => "1",
      wait: () => Promise.resolve(),
      askLedger: (_, ask) => ask(),
    },
    book: createBudgetBook({ records, kept: await keptBudgets(records), registry: limits, limits: [] }),
    ledger: createMemoryStore({ maxSums: 10, maxAttemptIds: 10, metadataKeys: [] }),
  });
  return {
    amounts: () => limits.all().map(({ amount }) => amount),
    create: async () => {
      const terms = { window: BudgetWindow.DAY, unit: BudgetUnit.REQUESTS, amount: 1000n, description: "old" };
      const budget = { scope: BudgetScope.TENANT, value: "t", ...terms };
      return (await budgets.createBudget(create(CreateBudgetRequestSchema, { budget }), admin)).budget?.budgetId ?? "";
    },
    update: async (budget: object, paths: string[], context = admin) =>
      (await budgets.updateBudget(create(UpdateBudgetRequestSchema, { budget, updateMask: { paths } }), context))
        .budget,
    remove: async (budgetId: string, version: bigint, context = admin) =>
      budgets.deleteBudget(create(DeleteBudgetRequestSchema, { budgetId, version }), context),
  };
}

// Mutants seen red: the terms, or the right to change or delete, are those of the entry that was found before the book's turn.
describe("a budget that another process has changed just now", () => {
  let a: Awaited<ReturnType<typeof openProcess>>;
  let b: typeof a;
  let budgetId = "";
  beforeEach(async () => {
    const records = createMemoryRecords();
    a = await openProcess(records);
    budgetId = await a.create();
    b = await openProcess(records);
  });

  test("keeps the amount that the other gave it where a mask does not name it", async () => {
    await b.update({ budgetId, version: 1n, amount: 10n }, ["amount"]);
    const described = await a.update({ budgetId, version: 2n, description: "new" }, ["description"]);
    expect(described).toMatchObject({ amount: 10n, description: "new", version: 3n });
    expect(a.amounts()).toEqual([10n]);
  });

  test("and that the platform has taken over, is not the tenant's to change any more", async () => {
    await b.update({ budgetId, version: 1n, amount: 5n }, ["amount"], platform);
    const denied = { reason: "SCOPE_DENIED" };
    await expect(a.update({ budgetId, version: 2n, amount: 9_000n }, ["amount"])).rejects.toMatchObject(denied);
    expect(a.amounts()).toEqual([5n]);
  });

  test("and that the platform has taken over, is not the tenant's to delete any more", async () => {
    await b.update({ budgetId, version: 1n, amount: 5n }, ["amount"], platform);
    await expect(a.remove(budgetId, 2n)).rejects.toMatchObject({ reason: "SCOPE_DENIED" });
    expect(a.amounts()).toEqual([5n]);
  });

  test("is refused to who has read an older version, and is not there for who may not see it", async () => {
    await b.update({ budgetId, version: 1n, amount: 10n }, ["amount"]);
    const stale = { reason: "VERSION_CONFLICT" };
    await expect(a.update({ budgetId, version: 1n, amount: 9n }, ["amount"])).rejects.toMatchObject(stale);
    await expect(a.remove(budgetId, 1n)).rejects.toMatchObject(stale);
    const none = { reason: "BUDGET_NOT_FOUND" };
    for (const version of [1n, 2n]) {
      await expect(a.update({ budgetId, version, amount: 9n }, ["amount"], stranger)).rejects.toMatchObject(none);
      await expect(a.remove(budgetId, version, stranger)).rejects.toMatchObject(none);
    }
    await b.remove(budgetId, 2n);
    await expect(a.update({ budgetId, version: 3n, amount: 9n }, ["amount"])).rejects.toMatchObject(none);
  });
});
