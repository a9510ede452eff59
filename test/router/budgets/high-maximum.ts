import { expect } from "@jest/globals";
import type { BudgetDeps } from "../../../src/router/budgets/deps.ts";
import { testBudgets } from "../../support/routing.ts";
import { type Bill, costOfBill, createRig, DEAR, usd, words } from "./rig.ts";

const CALLERS = 20;

/**
 * Expects that of 20 callers at once, who allow 64,000 tokens each and use 500, none is refused by $25 at a model where two such maxima cost more than that.
 * `counters` are what their budget is counted by. Default: in memory.
 */
export async function expectMaximumHoldsNobodyBack(counters?: BudgetDeps["counters"]): Promise<void> {
  const limit = usd(25_000_000_000n);
  const bill: Bill = { inputTokens: 0, outputTokens: 0 };
  const all = Promise.withResolvers<void>();
  let arrived = 0;
  const arrive = (): void => {
    arrived += 1;
    if (arrived === CALLERS) all.resolve();
  };
  const play = words(500, bill);
  const { run, standing, adapters } = createRig(
    [
      {
        defaultModel: DEAR.model,
        play: async function* (input) {
          arrive();
          await all.promise;
          yield* play(input);
        },
      },
    ],
    [limit],
    { budgets: { ...testBudgets([limit]), ...(counters !== undefined && { counters }) } },
  );
  const results = await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      const ended = await run({ sampling: { maxOutputTokens: 64_000 } });
      // Who is refused does not come to the provider, and nobody waits for it.
      if (ended.error !== undefined) arrive();
      return ended;
    }),
  );
  expect(results.flatMap(({ error }) => error ?? [])).toEqual([]);
  expect(await standing()).toMatchObject({ settled: costOfBill(bill) * DEAR.factor, reserved: 0n });
  expect(bill.outputTokens).toBe(CALLERS * 500);
  const sent = adapters[0]?.inputs.map(({ request }) => request.sampling?.maxOutputTokens);
  expect(sent).toEqual(Array(CALLERS).fill(64_000));
}
