import { CostDimension } from "../../../gen/execution/v1/costs_pb.js";
import { addSums, isTime, noSums, pageOf, periodName, type RunningSums } from "../../cost-groups.ts";
import type { CostAnswer, CostQuery } from "../../store.ts";
import type { LabelName } from "./levels.ts";

/** A row of an answer: the time in milliseconds, the labels of `labelsIn`, the sums in the order of their columns, the cost in two halves of 32 bits. */
export type AnswerRow = readonly unknown[];

/** The label of each dimension that is no time. */
const LABELS: ReadonlyMap<CostDimension, LabelName> = new Map([
  [CostDimension.TENANT, "tenant"],
  [CostDimension.KEY, "key"],
  [CostDimension.PERSONA, "persona"],
  [CostDimension.PROVIDER, "provider"],
  [CostDimension.MODEL, "model"],
  [CostDimension.END_USER, "endUserId"],
]);

/** The labels that tell groups apart. */
export function labelsIn(groupBy: readonly CostDimension[]): readonly LabelName[] {
  return [...new Set(groupBy.flatMap((dimension) => LABELS.get(dimension) ?? []))];
}

/** Makes the answer to a query of the rows found for it, of which several may belong to a group. */
export function foldRows(rows: Iterable<AnswerRow>, query: CostQuery): CostAnswer {
  const labels = labelsIn(query.groupBy);
  const groups = new Map<string, Group>();
  const total = noSums();
  for (const row of rows) {
    const sums = sumsIn(row.slice(labels.length + 1));
    addSums(total, sums);
    addSums(groupFor(groups, groupOf(row, labels, query.groupBy)), sums);
  }
  const found = [...groups.values()].map(({ group, sums }) => ({ group, ...sums }));
  return { ...pageOf(found, query), total };
}

/** A group of an answer. */
interface Group {
  readonly group: readonly string[];
  readonly sums: RunningSums;
}

function sumsIn(values: AnswerRow): RunningSums {
  const [calls, attempts, input, output, cacheRead, reasoning, costHigh, costLow, unpriced] = values.map(whole);
  return {
    calls: calls ?? 0n,
    attempts: attempts ?? 0n,
    inputTokens: input ?? 0n,
    outputTokens: output ?? 0n,
    cacheReadTokens: cacheRead ?? 0n,
    reasoningTokens: reasoning ?? 0n,
    costNanoUsd: (costHigh ?? 0n) * 2n ** 32n + (costLow ?? 0n),
    unpricedAttempts: unpriced ?? 0n,
  };
}

/** SQLite gives bigints, PostgreSQL the digits. */
function whole(value: unknown): bigint {
  if (typeof value === "string") return BigInt(value);
  return typeof value === "bigint" ? value : 0n;
}

function groupOf(row: AnswerRow, labels: readonly LabelName[], groupBy: readonly CostDimension[]): readonly string[] {
  return groupBy.map((dimension) => {
    if (isTime(dimension)) return periodName(dimension, Number(row[0]));
    const label = LABELS.get(dimension);
    return label === undefined ? "" : String(row[labels.indexOf(label) + 1]);
  });
}

function groupFor(groups: Map<string, Group>, group: readonly string[]): RunningSums {
  const id = JSON.stringify(group);
  const known = groups.get(id);
  if (known !== undefined) return known.sums;
  const sums = noSums();
  groups.set(id, { group, sums });
  return sums;
}
