import fc from "fast-check";
import { CostDimension } from "../../src/gen/execution/v1/costs_pb.js";
import { Billed } from "../../src/gen/execution/v1/usage_pb.js";
import { isTime, periodName } from "../../src/ledger/cost-groups.ts";
import type { AttemptRow, CostFilter, CostQuery } from "../../src/ledger/store.ts";

const minuteMs = 60_000;
const noon = Date.UTC(2026, 10, 26, 12);

/** What rows differ by, few values of each so that many are alike. Two days and some minutes: parts of hours and days, and whole ones. */
export const anyRow = fc.record({
  tenant: fc.constantFrom("a", "b"),
  key: fc.constantFrom("k", "l"),
  persona: fc.constantFrom("p", "q"),
  provider: fc.constantFrom("near", "far"),
  model: fc.constantFrom("x", "y"),
  endUserId: fc.constantFrom("", "u"),
  metadata: fc.constantFrom({}, { team: "blue" }, { team: "red", project: "x" }, { project: "blue", call: "1" }),
  attempt: fc.nat(1),
  costNanoUsd: fc.bigInt({ min: 0n, max: 10n ** 15n }),
  billed: fc.constantFrom(Billed.YES, Billed.NO),
  endedAtMs: fc.integer({ min: -30, max: 30 }).map((hours) => noon + hours * 3_600_000 + ((hours + 60) % 3) * minuteMs),
});

const labels = ["tenant", "key", "persona", "provider", "model", "endUserId"] as const;
const values = { tenant: "a", key: "k", persona: "p", provider: "near", model: "x", endUserId: "u" } as const;

/** Any grouping and filter over any window of whole minutes. */
export const anyQuery: fc.Arbitrary<CostQuery> = fc
  .record({
    groupBy: fc.uniqueArray(fc.integer({ min: CostDimension.TENANT, max: CostDimension.METADATA }), { maxLength: 4 }),
    metadataKey: fc.constantFrom("team", "project"),
    filtered: fc.subarray([...labels], { maxLength: 2 }),
    metadata: fc.constantFrom(undefined, undefined, { team: "blue" }, { team: "", project: "blue" }),
    from: fc.integer({ min: -32, max: 0 }),
    minutes: fc.integer({ min: 1, max: 64 * 60 }),
  })
  .map(({ groupBy, metadataKey, filtered, metadata, from, minutes }) => {
    const startMs = noon + from * 3_600_000;
    const filter = {
      ...Object.fromEntries(filtered.map((name) => [name, values[name]])),
      ...(metadata !== undefined && { metadata }),
    };
    return { groupBy, metadataKey, filter, startMs, endMs: startMs + minutes * minuteMs, limit: 1_000 };
  });

/** What a query finds among rows: cost, attempts, and calls by group, added up one by one. */
export function countedCosts(
  rows: readonly AttemptRow[],
  query: CostQuery,
): ReadonlyMap<string, readonly [cost: bigint, attempts: bigint, calls: bigint]> {
  const groups = new Map<string, readonly [bigint, bigint, bigint]>();
  for (const row of rows) {
    if (row.endedAtMs < query.startMs || row.endedAtMs >= query.endMs || !isWanted(row, query.filter)) continue;
    const group = query.groupBy.map((dimension) => groupValue(row, dimension, query.metadataKey)).join(" | ");
    const [cost, attempts, calls] = groups.get(group) ?? [0n, 0n, 0n];
    groups.set(group, [cost + (row.costNanoUsd ?? 0n), attempts + 1n, calls + (row.attempt === 0 ? 1n : 0n)]);
  }
  return groups;
}

function isWanted(row: AttemptRow, { metadata = {}, ...filter }: CostFilter): boolean {
  return (
    labels.every((name) => filter[name] === undefined || filter[name] === row[name]) &&
    Object.entries(metadata).every(([name, value]) => (row.metadata[name] ?? "") === value)
  );
}

const LABELS: ReadonlyMap<CostDimension, (typeof labels)[number]> = new Map([
  [CostDimension.TENANT, "tenant"],
  [CostDimension.KEY, "key"],
  [CostDimension.PERSONA, "persona"],
  [CostDimension.PROVIDER, "provider"],
  [CostDimension.MODEL, "model"],
  [CostDimension.END_USER, "endUserId"],
]);

function groupValue(row: AttemptRow, dimension: CostDimension, metadataKey = ""): string {
  if (isTime(dimension)) return periodName(dimension, row.endedAtMs);
  const label = LABELS.get(dimension);
  return label === undefined ? (row.metadata[metadataKey] ?? "") : row[label];
}
