import type { CostFilter } from "../../store.ts";

/** A value of a row by which roll-ups keep sums apart, and its column. */
export type LabelName = Exclude<keyof CostFilter, "metadata">;

/** The columns of labels, and of rows, in the order that statements bind them. */
export const LABEL_COLUMNS: Readonly<Record<LabelName, string>> = {
  tenant: "tenant",
  key: "key",
  persona: "persona",
  provider: "provider",
  model: "model",
  endUserId: "end_user_id",
};

/**
 * What each level of the roll-ups keeps apart: the first everything, declared metadata too, the later ones less, so that a question that asks for little
 * finds few sums. What a level does not keep apart is empty in its labels.
 */
export const LEVELS: readonly ReadonlySet<LabelName>[] = [
  new Set<LabelName>(["tenant", "key", "persona", "provider", "model", "endUserId"]),
  new Set<LabelName>(["tenant", "key", "persona", "provider", "model"]),
  new Set<LabelName>(["tenant", "persona", "provider", "model"]),
  new Set<LabelName>(["provider", "model"]),
];

/** The labels that a filter has values of. */
export function labelsOfFilter(filter: CostFilter): readonly LabelName[] {
  return (Object.keys(LABEL_COLUMNS) as LabelName[]).filter((name) => filter[name] !== undefined);
}

/** The level with the fewest sums that keeps all of these apart; metadata only the first one does. */
export function levelFor(wanted: readonly LabelName[], hasMetadata: boolean): number {
  if (hasMetadata) return 0;
  return LEVELS.findLastIndex((level) => wanted.every((name) => level.has(name)));
}

/** Length of a minute, an hour and a day in milliseconds, by grain. */
export const GRAINS_MS = [60_000, 3_600_000, 86_400_000] as const;

/** Grains by name. */
export const MINUTE = 0;
export const HOUR = 1;
export const DAY = 2;
