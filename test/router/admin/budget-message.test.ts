import { timestampDate } from "@bufbuild/protobuf/wkt";
import { expect, test } from "@jest/globals";
import { budgetMessage } from "../../../src/router/admin/budget-message.ts";
import { newLimit } from "../../ledger/budgets/counter-suite.ts";
import { anyone, testBudgets, testState } from "../../support/routing.ts";

// Mutant seen red: the window of this process's own time.
test("a budget is shown with the window that was counted, by whatever clock", async () => {
  const { counters } = testBudgets([], () => Date.UTC(2100, 1, 14));
  const entry = {
    ...{ id: "b", version: 1, limit: newLimit(10n, { window: "month" }), description: "" },
    ...{ isPlatforms: false, isOverridden: false },
  };
  const { standing } = await budgetMessage({ state: () => testState([]), counters }, entry, anyone);
  const times = [standing?.windowStartTime, standing?.windowEndTime];
  expect(times.map((time) => time && timestampDate(time).toISOString())).toEqual([
    "2100-02-01T00:00:00.000Z",
    "2100-03-01T00:00:00.000Z",
  ]);
});
