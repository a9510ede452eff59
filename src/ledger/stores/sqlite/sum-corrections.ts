import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { DAY, GRAINS_MS, HOUR, LABEL_COLUMNS, type LabelName, LEVELS, MINUTE } from "./levels.ts";

/** What a row is corrected by in each sum that has it. */
export interface SumCorrection {
  readonly costNanoUsd: bigint;
  readonly unpricedAttempts: bigint;
}

/** Corrects roll-ups for rows whose cost has changed. */
export interface SumCorrections {
  /** Notes a row. Throws if a sum that must have it is not there. */
  add(row: Readonly<Record<string, SQLOutputValue>>, by: SumCorrection): void;
  /** Writes what was noted. */
  write(): void;
}

interface Corrected {
  readonly key: readonly [grain: number, level: number, period: number, label: number];
  costNanoUsd: bigint;
  unpricedAttempts: bigint;
}

const LABELS = Object.keys(LABEL_COLUMNS) as LabelName[];

/**
 * Creates corrections for a database. Rows that are in no roll-up yet need none, and neither do sums whose time is over. What metadata a sum was kept
 * apart by was declared when it was made, so among the labels of a row the one counts whose pairs the row has and that has a sum of that time.
 */
export function createSumCorrections(db: DatabaseSync): SumCorrections {
  const meta = new Map(
    db
      .prepare("SELECT name, value FROM meta")
      .all()
      .map(({ name, value }) => [String(name), Number(value)]),
  );
  const rolledUp = meta.get("rolled_up") ?? 0;
  const firstPeriods = new Map([
    [MINUTE, meta.get("minutes_from") ?? 0],
    [HOUR, meta.get("hours_from") ?? 0],
  ]);
  const columns = ["level", ...Object.values(LABEL_COLUMNS)];
  const findLabels = db.prepare(
    `SELECT id, metadata FROM labels WHERE ${columns.map((column) => `${column} = ?`).join(" AND ")} ORDER BY length(metadata) DESC`,
  );
  const hasSum = db.prepare("SELECT 1 FROM sums WHERE grain = ? AND level = ? AND period = ? AND label = ?");
  const correct = db.prepare(
    `UPDATE sums SET cost_nano_usd = cost_nano_usd + ?, unpriced_attempts = unpriced_attempts + ?
     WHERE grain = ? AND level = ? AND period = ? AND label = ?`,
  );
  const noted = new Map<string, Corrected>();
  const note = (key: Corrected["key"], by: SumCorrection): void => {
    const id = key.join(" ");
    const known = noted.get(id);
    if (known === undefined) noted.set(id, { key, ...by });
    else {
      known.costNanoUsd += by.costNanoUsd;
      known.unpricedAttempts += by.unpricedAttempts;
    }
  };
  return {
    add: (row, by) => {
      if (Number(row.seq) > rolledUp) return;
      for (const [level, names] of LEVELS.entries()) {
        const kept = LABELS.map((name) => (names.has(name) ? String(row[LABEL_COLUMNS[name]]) : ""));
        const labels = findLabels
          .all(level, ...kept)
          .filter(({ metadata }) => isPartOf(String(metadata), String(row.metadata)));
        for (const [grain, grainMs] of GRAINS_MS.entries()) {
          const period = Math.floor(Number(row.ended_at_ms) / grainMs);
          if (grain !== DAY && period < (firstPeriods.get(grain) ?? 0)) continue;
          const label = labels.find(({ id }) => hasSum.get(grain, level, period, Number(id)) !== undefined);
          if (label === undefined) {
            throw new Error(
              `the sums of the ledger do not have the attempt ${String(row.attempt_id)}; nothing was changed`,
            );
          }
          note([grain, level, period, Number(label.id)], by);
        }
      }
    },
    write: () => {
      for (const { key, costNanoUsd, unpricedAttempts } of noted.values())
        correct.run(costNanoUsd, unpricedAttempts, ...key);
    },
  };
}

/** True if metadata, as text, has every pair of other metadata. */
export function isPartOf(pairs: string, metadata: string): boolean {
  if (pairs === "") return true;
  const all: unknown = metadata === "" ? {} : JSON.parse(metadata);
  const wanted: unknown = JSON.parse(pairs);
  if (typeof all !== "object" || all === null || typeof wanted !== "object" || wanted === null) return false;
  return Object.entries(wanted).every(([name, value]) => Object.hasOwn(all, name) && Reflect.get(all, name) === value);
}
