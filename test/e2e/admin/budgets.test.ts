import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Code } from "@connectrpc/connect";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { AdminService } from "../../../src/gen/execution/v1/admin_pb.js";
import {
  type Budget,
  BudgetScope,
  BudgetSource,
  BudgetUnit,
  BudgetWindow,
} from "../../../src/gen/execution/v1/budgets_pb.js";
import { testConfig } from "../../support/routing.ts";
import {
  type AdminGateway,
  adminClient,
  adminWires,
  type Caller,
  chatAs,
  failureOf,
  startAdminGateway,
} from "./rig.ts";

const REQUESTS = { scope: BudgetScope.TENANT, window: BudgetWindow.DAY, unit: BudgetUnit.REQUESTS };
const FILE_BUDGET = {
  scope: "provider",
  value: "mock",
  window: "day",
  unit: "requests",
  amount: 1000n,
  mode: "hard",
} as const;

describe("budgets at run time", () => {
  let gateway: AdminGateway;
  beforeEach(async () => {
    gateway = await startAdminGateway({ budgets: [FILE_BUDGET] });
  });
  afterEach(() => gateway.stop());

  const as = (caller: Caller | undefined) => {
    const { rpc, as: options } = adminClient(gateway.adminUrl, caller);
    return {
      list: async (request = {}) => (await rpc.listBudgets(request, options)).budgets,
      get: async (budgetId: string) => (await rpc.getBudget({ budgetId }, options)).budget,
      create: async (budget: object) => (await rpc.createBudget({ budget }, options)).budget as Budget,
      update: async (budget: object) => (await rpc.updateBudget({ budget }, options)).budget as Budget,
      remove: async (budgetId: string, version: bigint) => rpc.deleteBudget({ budgetId, version }, options),
    };
  };

  // Mutant seen red: a book that keeps the change and does not tell the registry.
  test("are in force at once, and so is each change of them", async () => {
    const admin = as("admin-t");
    const budget = await admin.create({ ...REQUESTS, amount: 1n });
    expect(budget).toMatchObject({ version: 1n, tenant: "t", value: "t", source: BudgetSource.RUNTIME });
    expect(await chatAs(gateway, "caller-t")).toBeUndefined();
    expect(await chatAs(gateway, "caller-t")).toBe("BUDGET_EXCEEDED");
    expect(await chatAs(gateway, "admin-u")).toBeUndefined();
    const raised = await admin.update({ ...budget, amount: 2n });
    expect(raised).toMatchObject({ version: 2n, amount: 2n, standing: { used: 1n, percentUsed: 50, subject: "t" } });
    expect(await chatAs(gateway, "caller-t")).toBeUndefined();
    expect(await chatAs(gateway, "caller-t")).toBe("BUDGET_EXCEEDED");
    await admin.remove(budget.budgetId, 2n);
    expect(await chatAs(gateway, "caller-t")).toBeUndefined();
  });

  // Mutant seen red: seedCounters does nothing.
  test("count what was used in their window before they were there", async () => {
    for (let call = 0; call < 3; call += 1) await chatAs(gateway, "caller-t");
    const budget = await as("admin-t").create({ ...REQUESTS, amount: 3n });
    expect(budget.standing).toMatchObject({ used: 3n, percentUsed: 100 });
    expect(await chatAs(gateway, "caller-t")).toBe("BUDGET_EXCEEDED");
  });

  // Mutant seen red: changeable() without its comparison of versions, in book and store.
  test("are not changed by whoever has not read the last change", async () => {
    const admin = as("admin-t");
    const read = await admin.create({ ...REQUESTS, amount: 5n });
    const changed = await admin.update({ ...read, amount: 6n });
    expect(await failureOf(admin.update({ ...read, amount: 7n }))).toBe("10 VERSION_CONFLICT");
    expect(await failureOf(admin.remove(read.budgetId, read.version))).toBe("10 VERSION_CONFLICT");
    expect(await admin.get(read.budgetId)).toMatchObject({ amount: 6n, version: 2n });
    const both = await Promise.all([
      failureOf(admin.update({ ...changed, amount: 8n })),
      failureOf(admin.update({ ...changed, amount: 9n })),
    ]);
    expect(both.sort()).toEqual(["10 VERSION_CONFLICT", "nothing"]);
  });

  // Mutants seen red: maySee gives true; askedTenant gives what was asked; checkMayChange returns at once.
  test("of a tenant are its own, and what the platform sets it cannot lift", async () => {
    const own = await as("admin-t").create({ ...REQUESTS, amount: 5n });
    const cap = await as("platform").create({ ...REQUESTS, unit: BudgetUnit.TOKENS, tenant: "t", amount: 10_000n });
    expect(await as("admin-u").list()).toEqual([]);
    expect(await failureOf(as("admin-u").get(own.budgetId))).toBe("5 BUDGET_NOT_FOUND");
    expect(await failureOf(as("admin-u").update({ ...own, amount: 0n }))).toBe("5 BUDGET_NOT_FOUND");
    expect(await failureOf(as("admin-u").remove(own.budgetId, 1n))).toBe("5 BUDGET_NOT_FOUND");
    for (const foreign of [
      { ...REQUESTS, tenant: "t", amount: 1n },
      { ...REQUESTS, scope: BudgetScope.PERSONA, tenant: "t", amount: 1n },
    ]) {
      expect(await failureOf(as("admin-u").create(foreign))).toBe("7 SCOPE_DENIED");
    }
    for (const foreign of [
      { ...REQUESTS, value: "t", amount: 1n },
      { ...REQUESTS, scope: BudgetScope.KEY, value: "caller-t", amount: 1n },
    ]) {
      expect(await failureOf(as("admin-u").create(foreign))).toBe("3 INVALID_FIELD");
    }
    expect(await failureOf(as("admin-u").list({ tenant: "t" }))).toBe("7 SCOPE_DENIED");
    expect((await as("admin-t").list()).map(({ budgetId }) => budgetId).sort()).toEqual(
      [own.budgetId, cap.budgetId].sort(),
    );
    expect(cap.platformManaged).toBe(true);
    expect(await failureOf(as("admin-t").update({ ...cap, amount: 99_999n }))).toBe("7 SCOPE_DENIED");
    expect(await failureOf(as("admin-t").remove(cap.budgetId, 1n))).toBe("7 SCOPE_DENIED");
    expect(await as("platform").list()).toHaveLength(3);
    expect(await as("platform").list({ tenant: "t" })).toHaveLength(2);
  });

  // Mutant seen red: countersOf without its filter of tenants.
  test("of a tenant for a persona, provider or end user count its own calls alone", async () => {
    const scope = BudgetScope.PERSONA;
    await as("admin-t").create({ ...REQUESTS, scope, value: "default", amount: 0n });
    expect(await chatAs(gateway, "caller-t")).toBe("BUDGET_EXCEEDED");
    expect(await chatAs(gateway, "admin-u")).toBeUndefined();
  });

  test("of the configuration are shown, and not changed here", async () => {
    const [budget] = await as("platform").list({ scope: BudgetScope.PROVIDER });
    expect(budget).toMatchObject({ source: BudgetSource.CONFIGURATION, value: "mock", amount: 1000n, version: 0n });
    expect(await failureOf(as("platform").update({ ...budget, amount: 1n }))).toBe("9 BUDGET_READ_ONLY");
    expect(await failureOf(as("platform").remove(budget?.budgetId ?? "", 1n))).toBe("9 BUDGET_READ_ONLY");
    const same = { scope: BudgetScope.PROVIDER, value: "mock", window: BudgetWindow.DAY, unit: BudgetUnit.REQUESTS };
    expect(await failureOf(as("platform").create({ ...same, amount: 1n }))).toBe("6 BUDGET_EXISTS");
  });

  test("give way to the same of a configuration that is loaded anew, and come back", async () => {
    const budget = await as("admin-t").create({ ...REQUESTS, amount: 0n });
    const { config } = gateway.state();
    const same = { scope: "tenant", value: "t", window: "day", unit: "requests", amount: 10n, mode: "hard" } as const;
    gateway.reload({ ...config, budgets: [same] });
    expect(await as("admin-t").get(budget.budgetId)).toMatchObject({ overridden: true });
    expect(await chatAs(gateway, "caller-t")).toBeUndefined();
    gateway.reload({ ...config, budgets: [] });
    expect(await as("admin-t").get(budget.budgetId)).toMatchObject({ overridden: false });
    expect(await chatAs(gateway, "caller-t")).toBe("BUDGET_EXCEEDED");
  });

  test.each([
    ["no scope", { scope: BudgetScope.UNSPECIFIED }],
    ["no window", { window: BudgetWindow.UNSPECIFIED }],
    ["no unit", { unit: BudgetUnit.UNSPECIFIED }],
    ["a negative amount", { amount: -1n }],
    ["a huge amount", { amount: 9_000_000_000_000_001n }],
    ["calls at once in a day", { unit: BudgetUnit.CONCURRENT }],
    ["a scope there is not", { scope: 99 }],
    ["a provider there is not", { scope: BudgetScope.PROVIDER, value: "nobody" }],
    ["a persona there is not", { scope: BudgetScope.PERSONA, value: "nobody" }],
    ["a tenant there is not", { value: "nobody" }],
    ["a persona of a tenant there is not", { scope: BudgetScope.PERSONA, value: "default", tenant: "nobody" }],
  ])("with %s are refused", async (_, wrong) => {
    expect(await failureOf(as("platform").create({ ...REQUESTS, amount: 1n, ...wrong }))).toBe("3 INVALID_FIELD");
  });

  test("do not change what they are, nor for who does not say what it has read", async () => {
    const budget = await as("admin-t").create({ ...REQUESTS, amount: 5n });
    expect(await failureOf(as("admin-t").update({ ...budget, version: 0n }))).toBe("3 INVALID_FIELD");
    expect(await failureOf(as("admin-t").update({ ...budget, window: BudgetWindow.MONTH }))).toBe("3 INVALID_FIELD");
    const terse = { budgetId: budget.budgetId, version: 1n, amount: 6n, description: "more" };
    expect(await as("admin-t").update(terse)).toMatchObject({
      amount: 6n,
      description: "more",
      window: BudgetWindow.DAY,
    });
  });

  test("come in pages, by id", async () => {
    const { rpc, as: options } = adminClient(gateway.adminUrl, "platform");
    for (const window of [BudgetWindow.MINUTE, BudgetWindow.HOUR, BudgetWindow.DAY, BudgetWindow.MONTH]) {
      await as("platform").create({ ...REQUESTS, window, amount: 1n });
    }
    const all = (await as("platform").list()).map(({ budgetId }) => budgetId);
    const paged: string[] = [];
    let pageToken = "";
    do {
      const page = await rpc.listBudgets({ pageSize: 2, pageToken }, options);
      paged.push(...page.budgets.map(({ budgetId }) => budgetId));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(paged).toEqual(all);
    expect(all).toEqual(all.toSorted());
    expect(await failureOf(rpc.listBudgets({ pageToken: "%%%" }, options))).toBe("nothing");
    expect(await failureOf(rpc.listBudgets({ pageToken: "8J-YgA" }, options))).toBe("3 INVALID_FIELD");
  });
});

test("without keys everybody may read all budgets, and nobody may change one", async () => {
  const gateway = await startAdminGateway({ keys: [], budgets: [FILE_BUDGET] });
  const { rpc } = adminClient(gateway.adminUrl, undefined);
  try {
    expect((await rpc.listBudgets({})).budgets).toHaveLength(1);
    const refused = rpc.createBudget({ budget: { ...REQUESTS, amount: 1n } });
    expect(await failureOf(refused)).toBe("7 SCOPE_DENIED");
    await expect(refused).rejects.toThrow(
      "CreateBudget is for keys with one of the roles tenant_admin, platform_admin",
    );
  } finally {
    await gateway.stop();
  }
});

// Mutant seen red: records in memory.
test("budgets outlive the process, with who changed them when", async () => {
  const directory = mkdtempSync(join(tmpdir(), "budgets-"));
  const ledger = { ...testConfig().ledger, store: "sqlite" as const, directory };
  try {
    let gateway = await startAdminGateway({ ledger });
    const first = adminClient(gateway.adminUrl, "admin-t");
    const created = (await first.rpc.createBudget({ budget: { ...REQUESTS, amount: 5n } }, first.as)).budget;
    const nothing = { budget: { ...created, amount: 0n } as Budget, updateMask: { paths: ["amount"] } };
    const changed = (await first.rpc.updateBudget(nothing, first.as)).budget;
    const gone = await first.rpc.createBudget(
      { budget: { ...REQUESTS, unit: BudgetUnit.TOKENS, amount: 1n } },
      first.as,
    );
    await first.rpc.deleteBudget({ budgetId: gone.budget?.budgetId ?? "", version: 1n }, first.as);
    await gateway.stop();
    gateway = await startAdminGateway({ ledger });
    const second = adminClient(gateway.adminUrl, "admin-t");
    expect((await second.rpc.listBudgets({}, second.as)).budgets).toMatchObject([
      { budgetId: changed?.budgetId, version: 2n, amount: 0n, updatedBy: "t/admin-t", updateTime: changed?.updateTime },
    ]);
    expect(await chatAs(gateway, "caller-t")).toBe("BUDGET_EXCEEDED");
    await gateway.stop();
    const db = new DatabaseSync(join(directory, "ledger.db"), { readOnly: true });
    const changes = db
      .prepare("SELECT id, version, changed_by, body IS NULL AS gone FROM record_changes ORDER BY seq")
      .all();
    db.close();
    const who = { changed_by: "t/admin-t" };
    expect(changes.map((row) => ({ ...row }))).toEqual([
      { id: created?.budgetId, version: 1, gone: 0, ...who },
      { id: created?.budgetId, version: 2, gone: 0, ...who },
      { id: gone.budget?.budgetId, version: 1, gone: 0, ...who },
      { id: gone.budget?.budgetId, version: 2, gone: 1, ...who },
    ]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

// Mutants seen red: an amount of 0 is taken for one that was said; it is refused though the budget has it; a mask may name what is below an amount.
test("a change without a mask that has no amount does not let nothing through", async () => {
  const gateway = await startAdminGateway();
  try {
    const { rpc, as } = adminClient(gateway.adminUrl, "admin-t");
    const { budget: made } = await rpc.createBudget({ budget: { ...REQUESTS, amount: 5n } }, as);
    const { budgetId = "", amount } = made ?? {};
    const left = rpc.updateBudget({ budget: { budgetId, version: 1n, description: "more" } }, as);
    expect(await failureOf(left)).toBe(`${Code.InvalidArgument} INVALID_FIELD`);
    await expect(left).rejects.toThrow("update_mask");
    for (const path of ["mode", "amount.nanos", ""]) {
      const other = rpc.updateBudget(
        { budget: { budgetId, version: 1n, amount: 6n }, updateMask: { paths: [path] } },
        as,
      );
      expect(await failureOf(other)).toBe(`${Code.InvalidArgument} INVALID_FIELD`);
    }
    expect((await rpc.getBudget({ budgetId }, as)).budget).toMatchObject({ version: 1n, amount, description: "" });

    const none = { budget: { budgetId, version: 1n }, updateMask: { paths: ["amount"] } };
    expect((await rpc.updateBudget(none, as)).budget).toMatchObject({ amount: 0n, version: 2n });
    const described = rpc.updateBudget({ budget: { budgetId, version: 2n, description: "none" } }, as);
    expect((await described).budget).toMatchObject({ amount: 0n, description: "none", version: 3n });
  } finally {
    await gateway.stop();
  }
});

describe("one and the same AdminService on every wire of its listener", () => {
  let gateway: AdminGateway;
  beforeAll(async () => {
    gateway = await startAdminGateway();
  });
  afterAll(() => gateway.stop());
  const { createBudget, deleteBudget, getBudget, listBudgets, updateBudget } = AdminService.method;

  test("changes budgets", async () => {
    for (const { name, call } of adminWires(gateway.adminUrl)) {
      const terms = {
        scope: "BUDGET_SCOPE_TENANT",
        window: "BUDGET_WINDOW_HOUR",
        unit: "BUDGET_UNIT_USD",
        amount: "5",
      };
      const created = await call(createBudget, { budget: terms }, "admin-t");
      expect({ name, created }).toMatchObject({
        created: { response: { budget: { ...terms, tenant: "t", version: "1" } } },
      });
      const budgetId = (created as { response: { budget: { budgetId: string } } }).response.budget.budgetId;
      const change = (version: string, budget: object, updateMask: string) =>
        call(updateBudget, { budget: { budgetId, version, ...budget }, updateMask }, "admin-t");
      const changed = await change("1", { amount: "6", description: "for six" }, "amount,description");
      expect({ name, changed }).toMatchObject({
        changed: { response: { budget: { ...terms, amount: "6", description: "for six", version: "2" } } },
      });
      expect(await call(getBudget, { budgetId }, "viewer-t")).toEqual(changed);
      expect(await call(listBudgets, { scope: "BUDGET_SCOPE_TENANT", tenant: "t" }, "viewer-t")).toMatchObject({
        response: { budgets: [{ budgetId }] },
      });
      // Mutants seen red: REST names both whatever is in the body; a mask is not looked at.
      expect({ name, changed: await change("2", { description: "for some" }, "description") }).toMatchObject({
        changed: { response: { budget: { amount: "6", description: "for some" } } },
      });
      const emptied = await change("3", { amount: "0" }, "amount");
      expect({ name, emptied }).toMatchObject({ emptied: { response: { budget: { description: "for some" } } } });
      // JSON leaves out what is 0.
      expect(emptied).not.toHaveProperty("response.budget.amount");
      expect({ name, deleted: await call(deleteBudget, { budgetId, version: "4" }, "admin-t") }).toEqual({
        name,
        deleted: { response: {} },
      });
    }
  });

  test.each([
    ["of nobody", getBudget, { budgetId: "b" }, undefined],
    ["of a caller", listBudgets, {}, "caller-t"],
    ["of a viewer that would change", deleteBudget, { budgetId: "b", version: "1" }, "viewer-t"],
    ["for what is not there", getBudget, { budgetId: "b" }, "viewer-t"],
    ["with a version that is none", deleteBudget, { budgetId: "b", version: "0" }, "admin-t"],
    ["for another tenant", listBudgets, { tenant: "u" }, "viewer-t"],
    ["without a scope", createBudget, { budget: { amount: "1" } }, "admin-t"],
    ["with a negative amount", createBudget, { budget: { amount: "-1" } }, "admin-t"],
  ] as const)("fails alike %s", async (_, method, request, caller) => {
    const outcomes = await Promise.all(
      adminWires(gateway.adminUrl).map(async ({ name, call }) => ({
        name,
        outcome: await call(method, request, caller),
      })),
    );
    expect(outcomes[0]?.outcome).toHaveProperty("failure");
    for (const { name, outcome } of outcomes)
      expect({ name, outcome }).toEqual({ name, outcome: outcomes[0]?.outcome });
  });
});
