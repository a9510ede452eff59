import { CostDimension } from "../../gen/execution/v1/costs_pb.js";
import type { Limit, LimitScope } from "../../limit.ts";
import { unlessAborted } from "../../unless-aborted.ts";
import type { CostFilter, CostGroup, CostPosition, LedgerStore } from "../store.ts";
import type { CounterStore } from "./counter-store.ts";
import { windowAt } from "./windows.ts";

/** What counters are filled from, and when that is. */
export interface SeedDeps {
  readonly counters: Pick<CounterStore, "raise">;
  readonly ledger: Pick<LedgerStore, "costs">;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  /** Ends a fill, whatever the ledger does: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Most groups that are read at once. Each page sums all of them up again. */
const PAGE = 50_000;

/** The last moment there is. */
const END_OF_TIME_MS = 8.64e15;

const DIMENSIONS: Readonly<Record<LimitScope, readonly CostDimension[]>> = {
  tenant: [CostDimension.TENANT],
  key: [CostDimension.KEY],
  persona: [CostDimension.PERSONA],
  provider: [CostDimension.PROVIDER],
  model: [CostDimension.MODEL],
  // As the counter of an end user is called: with its tenant.
  end_user: [CostDimension.TENANT, CostDimension.END_USER],
};

/**
 * Fills the counters of limits with what the ledger has of the windows that are open now, so that a process that starts anew opens no budget anew. An attempt
 * counts in the window in which it ended, though a clock was ahead by which that is yet to come, and one whose cost is not known not at all. What counters have anyway is not
 * counted twice. Calls at once are those of this process, and so none.
 */
export async function seedCounters(deps: SeedDeps, limits: readonly Limit[]): Promise<void> {
  for (const limit of limits) if (limit.window !== "now") await seed(deps, limit);
}

async function seed({ counters, ledger, nowMs, signal }: SeedDeps, limit: Limit): Promise<void> {
  const { startMs, endMs = END_OF_TIME_MS } = windowAt(limit.window, nowMs());
  const query = {
    startMs,
    endMs,
    groupBy: DIMENSIONS[limit.scope],
    filter: filterOf(limit),
    limit: PAGE,
    // What is filled is not looked at again: rows that come later would never be counted.
    isComplete: true,
  } as const;
  let after: CostPosition | undefined;
  do {
    signal?.throwIfAborted();
    const asked = ledger.costs({ ...query, ...(after !== undefined && { after }) });
    const { groups, hasMore } = await (signal === undefined ? asked : unlessAborted(asked, signal));
    for (const group of groups) {
      await counters.raise({ limit, subject: group.group.join("/") }, amountOf(limit, group), startMs);
    }
    after = hasMore ? groups.at(-1) : undefined;
  } while (after !== undefined);
}

function filterOf({ scope, value, tenant }: Limit): CostFilter {
  return {
    ...(tenant !== undefined && { tenant }),
    ...(value !== undefined && (scope === "end_user" ? { endUserId: value } : { [scope]: value })),
  };
}

function amountOf(
  { unit, scope }: Limit,
  { costNanoUsd, inputTokens, outputTokens, calls, attempts }: CostGroup,
): bigint {
  if (unit === "usd") return costNanoUsd;
  if (unit === "tokens") return inputTokens + outputTokens;
  return scope === "provider" || scope === "model" ? attempts : calls;
}
