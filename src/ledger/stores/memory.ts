import { CostDimension } from "../../gen/execution/v1/costs_pb.js";
import { addSums, isTime, noSums, pageOf, periodName, type RunningSums, sumsOf } from "../cost-groups.ts";
import type { AttemptRow, CostFilter, CostQuery, LedgerStore } from "../store.ts";

/** How much a store in memory keeps. */
export interface MemoryStoreOptions {
  /** Most sums: one for each minute and combination of tenant, key, persona, provider, model and end user. The oldest minutes go first. */
  readonly maxSums: number;
  /** Most ids of rows it remembers, so that a row that comes twice counts once. The oldest go first. */
  readonly maxAttemptIds: number;
}

const minuteMs = 60_000;

/** The values by which sums are kept apart. */
type Labels = Required<CostFilter>;

/** The sums of one minute by combination of labels, and all there are of both. */
interface Sums {
  readonly labels: Labels;
  readonly sums: RunningSums;
}

/** Stands for the models and end users of a minute that has too many of them to keep apart: both are words of the callers'. */
const OTHER = "(other)";

/**
 * Creates a store that keeps sums by minute in memory, no rows: what was counted is gone with the process. Its bound is on sums, some 500
 * bytes each; past it the oldest whole minutes are forgotten, and within a single minute models and end users are no longer kept apart.
 */
export function createMemoryStore({ maxSums, maxAttemptIds }: MemoryStoreOptions): LedgerStore {
  /** By minute, then by labels. */
  const minutes = new Map<number, Map<string, Sums>>();
  const attemptIds = new Set<string>();
  let kept = 0;

  /** An end may come late, so that the oldest minute is not always the first one in the map. */
  const forgetOldest = (): void => {
    const oldest = minutes.keys().reduce((first, minute) => Math.min(first, minute), Number.POSITIVE_INFINITY);
    kept -= minutes.get(oldest)?.size ?? 0;
    minutes.delete(oldest);
  };

  const remember = (attemptId: string): boolean => {
    if (attemptIds.has(attemptId)) return false;
    attemptIds.add(attemptId);
    const [first] = attemptIds;
    if (attemptIds.size > maxAttemptIds && first !== undefined) attemptIds.delete(first);
    return true;
  };

  const sumsFor = (row: AttemptRow): RunningSums => {
    const minute = Math.floor(row.endedAtMs / minuteMs) * minuteMs;
    let byLabels = minutes.get(minute);
    if (byLabels === undefined) {
      byLabels = new Map();
      minutes.set(minute, byLabels);
    }
    const own = labelsOf(row);
    const known = byLabels.get(idOf(own));
    if (known !== undefined) return known.sums;
    const labels = byLabels.size < maxSums ? own : { ...own, model: OTHER, endUserId: OTHER };
    const found = byLabels.get(idOf(labels)) ?? { labels, sums: noSums() };
    if (byLabels.get(idOf(labels)) === undefined) kept += 1;
    byLabels.set(idOf(labels), found);
    return found.sums;
  };

  return {
    append: async (row) => {
      if (!remember(row.attemptId)) return;
      addSums(sumsFor(row), sumsOf(row));
      while (kept > maxSums && minutes.size > 1) forgetOldest();
    },
    costs: async (query) => {
      const groups = new Map<string, Group>();
      const total = noSums();
      for (const [minute, byLabels] of minutes) {
        if (minute < query.startMs || minute >= query.endMs) continue;
        for (const { labels, sums } of byLabels.values()) {
          if (!matches(labels, query.filter)) continue;
          addSums(total, sums);
          addSums(groupFor(groups, groupOf(labels, minute, query)), sums);
        }
      }
      const found = [...groups.values()].map(({ group, sums }) => ({ group, ...sums }));
      return { ...pageOf(found, query), total };
    },
    close: async () => {
      minutes.clear();
      attemptIds.clear();
      kept = 0;
    },
  };
}

/** A group of an answer. */
interface Group {
  readonly group: readonly string[];
  readonly sums: RunningSums;
}

function groupFor(groups: Map<string, Group>, group: readonly string[]): RunningSums {
  const id = JSON.stringify(group);
  const known = groups.get(id);
  if (known !== undefined) return known.sums;
  const sums = noSums();
  groups.set(id, { group, sums });
  return sums;
}

function labelsOf({ tenant, key, persona, provider, model, endUserId }: AttemptRow): Labels {
  return { tenant, key, persona, provider, model, endUserId };
}

function idOf(labels: Labels): string {
  return JSON.stringify(Object.values(labels));
}

const FILTERS = ["tenant", "key", "persona", "provider", "model", "endUserId"] as const satisfies (keyof Labels)[];

function matches(labels: Labels, filter: CostFilter): boolean {
  return FILTERS.every((name) => filter[name] === undefined || filter[name] === labels[name]);
}

/** The label of each dimension that is no time. */
const LABELS: ReadonlyMap<CostDimension, keyof Labels> = new Map([
  [CostDimension.TENANT, "tenant"],
  [CostDimension.KEY, "key"],
  [CostDimension.PERSONA, "persona"],
  [CostDimension.PROVIDER, "provider"],
  [CostDimension.MODEL, "model"],
  [CostDimension.END_USER, "endUserId"],
]);

function groupOf(labels: Labels, minute: number, { groupBy }: CostQuery): readonly string[] {
  return groupBy.map((dimension) => {
    if (isTime(dimension)) return periodName(dimension, minute);
    const label = LABELS.get(dimension);
    return label === undefined ? "" : labels[label];
  });
}
