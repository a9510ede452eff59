import { addSums, noSums, type RunningSums } from "../cost-groups.ts";
import { declaredText, OTHER } from "../metadata.ts";
import type { AttemptRow, CostFilter, CostSums } from "../store.ts";

/** The values by which sums are kept apart. */
export interface Labels extends Required<Omit<CostFilter, "metadata">> {
  /** The declared pairs, as text. */
  readonly metadata: string;
}

/** Sums, and what they are of. */
export interface LabelledSums {
  readonly labels: Labels;
  readonly sums: RunningSums;
}

/** The sums of one minute by combination of labels. */
export interface MinuteSums {
  readonly size: number;
  /** How much is no longer kept apart: 0 nothing, 1 end users and metadata, 2 models neither. */
  readonly level: number;
  /** True if all there is cannot be kept in less. */
  readonly isLeast: boolean;
  all(): Iterable<LabelledSums>;
  add(labels: Labels, sums: CostSums): void;
  /** Keeps less apart, until there are fewer sums or there is no more to save. */
  merge(): void;
}

/** End users, metadata and models are no longer kept apart: all are words of the callers'. */
const COARSER: readonly ((labels: Labels) => Labels)[] = [
  (labels) => labels,
  (labels) => ({ ...labels, endUserId: otherOf(labels.endUserId), metadata: otherOf(labels.metadata) }),
  (labels) => ({ ...labels, model: OTHER, endUserId: OTHER, metadata: OTHER }),
];

function otherOf(value: string): string {
  return value === "" ? "" : OTHER;
}

/** The labels of a row; metadata is kept apart by these of its names only. */
export function labelsOf(row: AttemptRow, metadataKeys: readonly string[]): Labels {
  const { tenant, key, persona, provider, model, endUserId } = row;
  return { tenant, key, persona, provider, model, endUserId, metadata: declaredText(row.metadata, metadataKeys) };
}

/** Creates the sums of a minute in which nothing was used. */
export function createMinuteSums(): MinuteSums {
  let byLabels = new Map<string, LabelledSums>();
  let level = 0;
  let isLeast = false;
  return {
    get size() {
      return byLabels.size;
    },
    get level() {
      return level;
    },
    get isLeast() {
      return isLeast;
    },
    all: () => byLabels.values(),
    add: (labels, sums) => {
      const { size } = byLabels;
      addTo(byLabels, COARSER[level]?.(labels) ?? labels, sums);
      if (byLabels.size > size) isLeast = false;
    },
    merge: () => {
      for (const [coarser, merge] of COARSER.entries()) {
        if (coarser <= level) continue;
        const merged = new Map<string, LabelledSums>();
        for (const { labels, sums } of byLabels.values()) addTo(merged, merge(labels), sums);
        if (merged.size === byLabels.size) continue;
        byLabels = merged;
        level = coarser;
        return;
      }
      isLeast = true;
    },
  };
}

function addTo(byLabels: Map<string, LabelledSums>, labels: Labels, more: CostSums): void {
  const id = JSON.stringify(Object.values(labels));
  const known = byLabels.get(id);
  if (known !== undefined) return addSums(known.sums, more);
  const sums = noSums();
  addSums(sums, more);
  byLabels.set(id, { labels, sums });
}
