import { CostDimension } from "../../../gen/execution/v1/costs_pb.js";
import { addSums, isTime, MAX_SUM, noSums, pageOf, periodName, type RunningSums, tooLarge } from "../../cost-groups.ts";
import { createMetadataValues, hasMetadata, type MetadataValue } from "../../metadata.ts";
import type { CostAnswer, CostQuery } from "../../store.ts";
import type { LabelName } from "./levels.ts";

/** A row of an answer: the time in milliseconds, the labels of `labelsIn`, the metadata where `asksForMetadata`, the sums in the order of their columns, the cost in two halves of 32 bits. */
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

/** True if rows with different metadata have to be told apart. */
export function asksForMetadata({ groupBy, filter }: CostQuery): boolean {
  return groupBy.includes(CostDimension.METADATA) || filter.metadata !== undefined;
}

/** Makes the answer to a query of the rows found for it, of which several may belong to a group. Rows are read no further once there are too many groups. */
export function foldRows(rows: Iterable<AnswerRow>, query: CostQuery): CostAnswer {
  const labels = labelsIn(query.groupBy);
  const groups = new Map<string, Group>();
  const total = noSums();
  const metadataValue = createMetadataValues();
  const groupOf = createGroupNames(labels, query, metadataValue);
  const metadataPlace = labels.length + 1;
  const sumsPlace = metadataPlace + (asksForMetadata(query) ? 1 : 0);
  const { filter, maxGroups = Number.POSITIVE_INFINITY } = query;
  const { metadata } = filter;
  for (const row of rows) {
    if (metadata !== undefined && !hasMetadata(String(row[metadataPlace]), metadata, metadataValue)) continue;
    const sums = sumsIn(row.slice(sumsPlace));
    addSums(total, sums);
    addTo(groups, groupOf(row), sums);
    if (groups.size > maxGroups) return tooLarge();
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
  const cost = (costHigh ?? 0n) * 2n ** 32n + (costLow ?? 0n);
  return {
    calls: calls ?? 0n,
    attempts: attempts ?? 0n,
    inputTokens: input ?? 0n,
    outputTokens: output ?? 0n,
    cacheReadTokens: cacheRead ?? 0n,
    reasoningTokens: reasoning ?? 0n,
    costNanoUsd: cost < MAX_SUM ? cost : MAX_SUM,
    unpricedAttempts: unpriced ?? 0n,
  };
}

/** SQLite gives bigints, PostgreSQL the digits. */
function whole(value: unknown): bigint {
  if (typeof value === "string") return BigInt(value);
  return typeof value === "bigint" ? value : 0n;
}

/** Makes the group of a row: its values in the order of the dimensions. Few times have many rows, so that their names are kept. */
function createGroupNames(
  labels: readonly LabelName[],
  { groupBy, metadataKey = "" }: CostQuery,
  metadataValue: MetadataValue,
): (row: AnswerRow) => readonly string[] {
  const names = new Map<unknown, readonly string[]>();
  const metadataPlace = labels.length + 1;
  const placeOf = groupBy.map((dimension) => {
    if (dimension === CostDimension.METADATA) return metadataPlace;
    const label = LABELS.get(dimension);
    return label === undefined ? 0 : labels.indexOf(label) + 1;
  });
  const timesOf = (time: unknown): readonly string[] => {
    const known = names.get(time);
    if (known !== undefined) return known;
    const made = groupBy.map((dimension) => (isTime(dimension) ? periodName(dimension, Number(time)) : ""));
    names.set(time, made);
    return made;
  };
  return (row) => {
    const times = timesOf(row[0]);
    return placeOf.map((place, index) => {
      if (place === 0) return times[index] ?? "";
      const value = String(row[place]);
      return place === metadataPlace ? metadataValue(value, metadataKey) : value;
    });
  };
}

/** Adds sums to those of a group; the first ones are the group's own from then on. */
function addTo(groups: Map<string, Group>, group: readonly string[], sums: RunningSums): void {
  const id = group.length === 1 ? (group[0] ?? "") : JSON.stringify(group);
  const known = groups.get(id);
  if (known === undefined) groups.set(id, { group, sums });
  else addSums(known.sums, sums);
}
