import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { WatchCostsResponse } from "../../../src/gen/execution/v1/admin_pb.js";
import {
  BudgetScope,
  BudgetUnit,
  BudgetWindow,
  type WatchBudgetsResponse,
} from "../../../src/gen/execution/v1/budgets_pb.js";
import { CostDimension } from "../../../src/gen/execution/v1/costs_pb.js";
import { type AdminGateway, adminClient, type Caller, chatAs, failureOf, startAdminGateway } from "./rig.ts";

const REQUESTS = { scope: BudgetScope.TENANT, window: BudgetWindow.DAY, unit: BudgetUnit.REQUESTS };

/** Reads a stream one by one. */
function reading<Response>(stream: AsyncIterable<Response>) {
  const iterator = stream[Symbol.asyncIterator]();
  const next = async (): Promise<Response> => {
    const { done, value } = await iterator.next();
    if (done === true) throw new Error("the stream has ended");
    return value;
  };
  return { next };
}

let gateway: AdminGateway;
const left: AbortController[] = [];
beforeEach(async () => {
  gateway = await startAdminGateway();
});
afterEach(async () => {
  for (const each of left.splice(0)) each.abort();
  await gateway.stop();
});

function watching(caller: Caller) {
  const { rpc, as } = adminClient(gateway.adminUrl, caller);
  const leave = new AbortController();
  left.push(leave);
  const options = { ...as, signal: leave.signal };
  return { rpc, as, options };
}

describe("WatchBudgets", () => {
  // Mutant seen red: a look that tells all each time.
  test("tells all there is, then what changes, within the tenant", async () => {
    const { rpc, as, options } = watching("admin-t");
    const platform = adminClient(gateway.adminUrl, "platform");
    const { budget } = await rpc.createBudget({ budget: { ...REQUESTS, amount: 4n } }, as);
    const quiet = await rpc.createBudget({ budget: { ...REQUESTS, unit: BudgetUnit.USD, amount: 4n } }, as);
    const watch = reading<WatchBudgetsResponse>(rpc.watchBudgets({}, options));
    const first = await watch.next();
    expect(first.snapshot).toBe(true);
    expect(first.budgets.map(({ budgetId }) => budgetId).sort()).toEqual(
      [budget?.budgetId, quiet.budget?.budgetId].sort(),
    );
    await platform.rpc.createBudget({ budget: { ...REQUESTS, tenant: "u", amount: 1n } }, platform.as);
    await chatAs(gateway, "caller-t");
    const second = await watch.next();
    expect(second).toMatchObject({ snapshot: false, deletedBudgetIds: [] });
    expect(second.budgets).toMatchObject([{ budgetId: budget?.budgetId, standing: { used: 1n, percentUsed: 25 } }]);
    await rpc.deleteBudget({ budgetId: budget?.budgetId ?? "", version: 1n }, as);
    expect(await watch.next()).toMatchObject({ budgets: [], deletedBudgetIds: [budget?.budgetId] });
  });

  test("makes one change of what happens within a second", async () => {
    const { rpc, as, options } = watching("admin-t");
    await rpc.createBudget({ budget: { ...REQUESTS, amount: 100n } }, as);
    const watch = reading<WatchBudgetsResponse>(rpc.watchBudgets({}, options));
    await watch.next();
    const calls = Array.from({ length: 5 }, () => chatAs(gateway, "caller-t"));
    await Promise.all(calls);
    let used = 0n;
    let told = 0;
    while (used < 5n) {
      const { budgets } = await watch.next();
      used = budgets[0]?.standing?.used ?? used;
      told += 1;
    }
    expect(told).toBeLessThanOrEqual(2);
  });

  // Mutants seen red: no bound on watchers; one that is not given back; none, or the same, for one tenant.
  test("is for so many at once, half of them one tenant's, and the place of one that leaves is free again", async () => {
    const leaving = new AbortController();
    const first = new AbortController();
    const watch = (caller: Caller, { signal }: AbortController) => {
      const { rpc, as } = watching(caller);
      return reading<WatchBudgetsResponse>(rpc.watchBudgets({}, { ...as, signal })).next();
    };
    const watchAll = (caller: Caller, count: number) =>
      Promise.all(Array.from({ length: count }, () => watch(caller, leaving)));
    await Promise.all([watch("viewer-t", first), watchAll("viewer-t", 31)]);
    expect(await failureOf(watch("admin-t", leaving))).toBe("14 OVERLOADED");
    await watchAll("platform", 31);
    await watch("admin-u", leaving);
    expect(await failureOf(watch("platform", leaving))).toBe("14 OVERLOADED");
    first.abort();
    let outcome = "";
    for (let tries = 0; tries < 100 && outcome !== "nothing"; tries += 1) {
      outcome = await failureOf(watch("platform", leaving));
    }
    expect(outcome).toBe("nothing");
    expect(await failureOf(watch("platform", leaving))).toBe("14 OVERLOADED");
    leaving.abort();
  });

  // Mutant seen red: a watch that is not told of the drain.
  test("ends when the server drains, for whoever asks again to ask another", async () => {
    const { rpc, options } = watching("platform");
    const watch = reading<WatchBudgetsResponse>(rpc.watchBudgets({}, options));
    await watch.next();
    const end = failureOf(watch.next());
    await gateway.stop();
    expect(await end).toBe("14 DRAINING");
    gateway = await startAdminGateway();
  });
});

describe("WatchCosts", () => {
  // Mutant seen red: a look that tells the rows that have not changed.
  test("tells all there is, then what changes, within the tenant", async () => {
    const { rpc, options } = watching("viewer-t");
    await chatAs(gateway, "caller-t");
    const costs = { groupBy: [CostDimension.KEY] };
    const watch = reading<WatchCostsResponse>(rpc.watchCosts({ costs }, options));
    expect(await watch.next()).toMatchObject({
      snapshot: true,
      rows: [{ group: ["caller-t"], calls: 1n }],
      total: { calls: 1n },
    });
    await chatAs(gateway, "admin-u");
    await chatAs(gateway, "caller-t");
    expect(await watch.next()).toMatchObject({
      snapshot: false,
      rows: [{ group: ["caller-t"], calls: 2n }],
      total: { calls: 2n },
    });
  });

  test.each([
    ["an end", { endTime: { seconds: 1n, nanos: 0 } }],
    ["a page", { pageToken: "x" }],
    ["too many rows", { pageSize: 1001 }],
  ])("refuses %s", async (_, costs) => {
    const { rpc, options } = watching("viewer-t");
    expect(await failureOf(reading<WatchCostsResponse>(rpc.watchCosts({ costs }, options)).next())).toBe(
      "3 INVALID_FIELD",
    );
  });
});
