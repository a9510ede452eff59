import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ConnectError } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { type Budget, BudgetScope, BudgetUnit, BudgetWindow } from "../../../src/gen/execution/v1/budgets_pb.js";
import { ErrorInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { testConfig } from "../../support/routing.ts";
import { type AdminGateway, adminClient, type Caller, startAdminGateway } from "./rig.ts";

// Mutants seen red: readNewBudget keeps the tenant of a key's budget; createBudget without `alike`; `alike` gives the first of two; it takes no heed of which is
// overridden.
test("budgets of a key that were kept with its tenant and without are read, changed and deleted, and not made again", async () => {
  const directory = mkdtempSync(join(tmpdir(), "budgets-"));
  const ledger = { ...testConfig().ledger, store: "sqlite" as const, directory };
  const wanted = { scope: BudgetScope.KEY, value: "caller-t", window: BudgetWindow.DAY, unit: BudgetUnit.REQUESTS };
  const existing = async (gateway: AdminGateway, caller: Caller): Promise<string | undefined> => {
    const { rpc, as } = adminClient(gateway.adminUrl, caller);
    const thrown = await rpc.createBudget({ budget: { ...wanted, amount: 1n } }, as).catch((error: unknown) => error);
    return ConnectError.from(thrown).findDetails(ErrorInfoSchema)[0]?.metadata.budget_id;
  };
  let gateway = await startAdminGateway({ ledger });
  try {
    const first = adminClient(gateway.adminUrl, "platform");
    const made = (await first.rpc.createBudget({ budget: { ...wanted, tenant: "t", amount: 7n } }, first.as)).budget;
    expect(made).toMatchObject({ tenant: "t", value: "caller-t" });
    await gateway.stop();
    const db = new DatabaseSync(join(directory, "ledger.db"));
    db.exec(
      `INSERT INTO records SELECT sort, 'budget_0000', version,
         json_set(body, '$.tenant', 't', '$.isPlatforms', json('false')), 't/admin-t', changed_at_ms FROM records`,
    );
    db.close();

    gateway = await startAdminGateway({ ledger });
    expect(await existing(gateway, "admin-t")).toBe("budget_0000");
    expect(await existing(gateway, "platform")).toBe(made?.budgetId);
    const { config } = gateway.state();
    const same = {
      scope: "key",
      value: "caller-t",
      window: "day",
      unit: "requests",
      amount: 10n,
      mode: "hard",
    } as const;
    gateway.reload({ ...config, budgets: [same] });
    expect(await existing(gateway, "platform")).toMatch(/^configured_/);
    gateway.reload(config);

    const tenants = adminClient(gateway.adminUrl, "admin-t");
    const { budget: old } = await tenants.rpc.getBudget({ budgetId: "budget_0000" }, tenants.as);
    expect(old).toMatchObject({ tenant: "t", value: "caller-t", platformManaged: false });
    const changed = await tenants.rpc.updateBudget({ budget: { ...old, amount: 8n } as Budget }, tenants.as);
    expect(changed.budget).toMatchObject({ amount: 8n, version: 2n });
    await tenants.rpc.deleteBudget({ budgetId: "budget_0000", version: 2n }, tenants.as);
    expect(await existing(gateway, "admin-t")).toBe(made?.budgetId);
  } finally {
    await gateway.stop();
    rmSync(directory, { recursive: true, force: true });
  }
});
