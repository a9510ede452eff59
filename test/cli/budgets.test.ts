import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { BudgetScope, ChatError, createAdminClient } from "../../src/client/index.ts";
import { type AdminGateway, type Caller, chatAs, startAdminGateway } from "../e2e/admin/rig.ts";
import { runCommand } from "./run-command.ts";

let gateway: AdminGateway;
beforeAll(async () => {
  gateway = await startAdminGateway();
});
afterAll(() => gateway.stop());

const run = (caller: Caller, ...args: readonly string[]) =>
  runCommand(args, {
    environment: {
      EXECUTION_PLATFORM_ADMIN_URL: gateway.adminUrl,
      EXECUTION_PLATFORM_HTTP_URL: gateway.httpUrl,
      EXECUTION_PLATFORM_API_KEY: caller,
    },
  });

const idOf = (line: string) => ({ id: JSON.parse(line).budgetId as string });

const idIn = (stdout: string): string => /budget_\w+/.exec(stdout)?.[0] ?? "";

// Mutant seen red: the CLI changes the first budget of those that it may see.
test("budgets set makes a budget or changes the one that is the same, list shows it, rm takes it away", async () => {
  const terms = ["--scope", "persona", "--name", "default", "--window", "day"];
  const own = await run("admin-t", "budgets", "set", ...terms, "--amount", "2.50");
  expect([own.status, own.stderr]).toEqual([0, ""]);
  const all = await run("platform", "budgets", "set", ...terms, "--amount", "100");
  expect(idIn(all.stdout)).not.toBe(idIn(own.stdout));
  for (const tenant of ["u", "default"]) {
    await run("platform", "budgets", "set", ...terms, "--tenant", tenant, "--amount", "7");
  }
  const raised = await run("admin-t", "budgets", "set", ...terms, "--amount", "3");
  expect(idIn(raised.stdout)).toBe(idIn(own.stdout));
  const more = await run("platform", "budgets", "set", ...terms, "--amount", "200");
  expect(idIn(more.stdout)).toBe(idIn(all.stdout));
  const listed = await run("admin-t", "budgets", "list");
  expect(listed.stdout.replaceAll(/ +/g, " ")).toBe(
    `id scope name tenant window unit mode amount used % source\n${idIn(own.stdout)} persona default t day usd hard 3 0 0 runtime\n`,
  );
  expect((await run("platform", "budgets", "list", "--json")).stdout.trim().split("\n")).toHaveLength(4);
  for (const [caller, { stdout }] of [
    ["admin-t", own],
    ["platform", all],
  ] as const) {
    expect(await run(caller, "budgets", "rm", idIn(stdout))).toEqual({ status: 0, stdout: "", stderr: "" });
  }
  expect((await run("platform", "budgets", "list")).stdout.match(/ 7 /g)).toHaveLength(2);
  for (const { id } of (await run("platform", "budgets", "list", "--json")).stdout.trim().split("\n").map(idOf)) {
    await run("platform", "budgets", "rm", id);
  }
});

// Mutants seen red: the CLI changes the first budget of those that it may see; the error has no budget_id.
test("budgets set changes the budget that the server says there is, and no other", async () => {
  const ofKey = ["--scope", "key", "--name", "caller-t", "--window", "day"];
  const cap = await run("platform", "budgets", "set", ...ofKey, "--amount", "0.0012");
  const refused = await run("admin-t", "budgets", "set", ...ofKey, "--amount", "150");
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining("SCOPE_DENIED")]);
  for (const tenant of [[], ["--tenant", "t"]]) {
    const changed = await run("platform", "budgets", "set", ...ofKey, ...tenant, "--amount", "0.002");
    expect(idIn(changed.stdout)).toBe(idIn(cap.stdout));
  }

  const ofTenant = ["--scope", "tenant", "--window", "day"];
  const each = await run("platform", "budgets", "set", ...ofTenant, "--amount", "1");
  const own = await run("admin-t", "budgets", "set", ...ofTenant, "--amount", "100");
  const raised = await run("admin-t", "budgets", "set", ...ofTenant, "--amount", "150");
  expect([raised.status, idIn(raised.stdout)]).toEqual([0, idIn(own.stdout)]);
  expect(idIn(own.stdout)).not.toBe(idIn(each.stdout));
  const listed = (await run("platform", "budgets", "list", "--json")).stdout.trim().split("\n");
  const amounts = listed.map((line) => JSON.parse(line)).map(({ budgetId, amount }) => [budgetId, amount]);
  expect(Object.fromEntries(amounts)).toEqual({
    [idIn(cap.stdout)]: "2000000",
    [idIn(each.stdout)]: "1000000000",
    [idIn(own.stdout)]: "150000000000",
  });
  for (const { id } of listed.map(idOf)) await run("platform", "budgets", "rm", id);
});

test.each([
  [["budgets", "set", "--scope", "planet", "--amount", "1"], "--scope must be one of tenant, key"],
  [["budgets", "set", "--scope", "tenant", "--window", "day", "--amount", "-1"], "--amount must be a number"],
  [
    ["budgets", "set", "--scope", "tenant", "--window", "day", "--amount", "99999999999"],
    "--amount must be at most 9000000",
  ],
  [["budgets", "set", "--scope", "tenant", "--amount", "1"], "--window must be one of"],
  [["budgets", "rm", "nothing"], "BUDGET_NOT_FOUND"],
  [["costs", "export", "--format", "xlsx"], "INVALID_FIELD: format must be"],
  [["costs", "export", "--http-url", "http://127.0.0.1:1"], "the costs did not come"],
])("%j fails with one line that says why", async (args, line) => {
  const { status, stdout, stderr } = await run("admin-t", ...args);
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toContain(line);
  expect(stderr.trimEnd()).not.toContain("\n");
});

test("costs export prints what there is, and costs goes on as it was", async () => {
  await chatAs(gateway, "caller-t");
  const csv = await run("platform", "costs", "export", "--group-by", "tenant,key", "--since", "1h");
  expect(csv.stderr).toBe("");
  expect(csv.stdout).toMatch(/^tenant,key,calls,.*\r\nt,caller-t,1,1,/);
  const lines = await run("platform", "costs", "export", "--format", "jsonl", "--group-by", "tenant", "--tenant", "t");
  expect(JSON.parse(lines.stdout)).toMatchObject({ tenant: "t", calls: "1" });
  const byTeam = ["--group-by", "tenant, metadata.team", "--metadata", "team="];
  expect((await run("platform", "costs", "export", ...byTeam)).stdout).toMatch(/^tenant,metadata,calls,.*\r\nt,,1,/);
});

test("the admin client has each call, and fails with ChatErrors", async () => {
  const client = createAdminClient({ baseUrl: gateway.adminUrl, apiKey: "admin-t" });
  const budget = await client.createBudget({ scope: BudgetScope.TENANT, window: 3, unit: 3, amount: 5n });
  expect(await client.getBudget(budget.budgetId)).toEqual(budget);
  const changed = await client.updateBudget({ ...budget, amount: 6n });
  const failure = await client.updateBudget({ ...budget, amount: 7n }).catch((thrown: unknown) => thrown);
  expect(failure).toBeInstanceOf(ChatError);
  expect(failure).toMatchObject({ code: "ABORTED", reason: "VERSION_CONFLICT" });
  for await (const { snapshot, budgets } of client.watchBudgets()) {
    expect({ snapshot, budgets }).toEqual({ snapshot: true, budgets: [changed] });
    break;
  }
  for await (const { snapshot } of client.watchCosts()) {
    expect(snapshot).toBe(true);
    break;
  }
  for await (const { rows } of client.exportCosts()) expect(rows.length).toBeLessThanOrEqual(1);
  await client.deleteBudget(changed);
  expect((await client.listBudgets()).budgets).toEqual([]);
  client.close();
});
