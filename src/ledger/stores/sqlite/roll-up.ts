import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { Billed } from "../../../gen/execution/v1/usage_pb.js";
import { addSums, noSums, type RunningSums } from "../../cost-groups.ts";
import { declaredText, readMetadata } from "../../metadata.ts";
import type { CostSums } from "../../store.ts";
import { GRAINS_MS, LABEL_COLUMNS, type LabelName, LEVELS, MINUTE } from "./levels.ts";

/** Keeps roll-ups up with the rows that are settled. */
export interface RollUp {
  /** Adds the next rows to all sums, and says in the same transaction up to which they count. True if there may be more. Throws what SQLite does. */
  step(): boolean;
}

/** Rows of one transaction: it must not keep those that wait to be written for long. */
const ROWS_A_STEP = 2_000;

/** Labels whose ids are remembered. */
const MAX_LABELS = 50_000;

/** A row, as it is read to be added, whole numbers as bigints. */
export type SettledRow = Readonly<Record<string, SQLOutputValue>>;

/** Creates the roll-ups of a database; metadata is kept apart by these of its names only. */
export function createRollUp(db: DatabaseSync, metadataKeys: readonly string[]): RollUp {
  const read = db.prepare(
    `SELECT seq, ${Object.values(LABEL_COLUMNS).join(", ")}, metadata, attempt, input_tokens, output_tokens, cache_read_tokens,
       reasoning_tokens, cost_nano_usd, billed, ended_at_ms
     FROM attempts WHERE seq > (SELECT value FROM meta WHERE name = 'rolled_up') ORDER BY seq LIMIT ${ROWS_A_STEP}`,
  );
  read.setReadBigInts(true);
  const labelIds = createLabelIds(db);
  const add = db.prepare(
    `INSERT INTO sums VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET ${SUM_COLUMNS.map(saturating).join(", ")}`,
  );
  const mark = db.prepare("UPDATE meta SET value = ? WHERE name = 'rolled_up'");
  return {
    step: () => {
      const rows = read.all();
      const last = rows.at(-1)?.seq;
      if (last === undefined) return false;
      db.exec("BEGIN IMMEDIATE");
      try {
        for (const { grain, level, period, label, sums } of addedSums(rows, (level, row) =>
          labelIds.idOf(level, row, metadataKeys),
        )) {
          add.run(grain, level, period, label, ...valuesOf(sums));
        }
        mark.run(last);
        db.exec("COMMIT");
      } catch (thrown) {
        labelIds.forget();
        db.exec("ROLLBACK");
        throw thrown;
      }
      return rows.length === ROWS_A_STEP;
    },
  };
}

/** Columns of sums, in their order in the table. */
export const SUM_COLUMNS = [
  "calls",
  "attempts",
  "input_tokens",
  "output_tokens",
  "cache_read_tokens",
  "reasoning_tokens",
  "cost_nano_usd",
  "unpriced_attempts",
] as const;

/** Stands still at what an int64 can hold. */
function saturating(column: string): string {
  const most = "9223372036854775807";
  return `${column} = CASE WHEN ${column} > ${most} - excluded.${column} THEN ${most} ELSE ${column} + excluded.${column} END`;
}

/** What is added to the sums of a period. */
export interface AddedSums<Label> {
  readonly grain: number;
  readonly level: number;
  readonly period: number;
  readonly label: Label;
  readonly sums: RunningSums;
}

/** Rows of one minute that have the same labels, summed up. */
interface Alike {
  readonly row: SettledRow;
  readonly minute: number;
  readonly sums: RunningSums;
}

/**
 * What the rows add to which sums; `labelOf` names a row's label at a level. Rows that are alike at every level and grain are added up first: mostly they
 * are many.
 */
export function addedSums<Label extends string | number>(
  rows: readonly SettledRow[],
  labelOf: (level: number, row: SettledRow) => Label,
): Iterable<AddedSums<Label>> {
  const all = new Map<string, AddedSums<Label>>();
  for (const { row, minute, sums } of alike(rows).values()) {
    for (const level of LEVELS.keys()) {
      const label = labelOf(level, row);
      for (const [grain, grainMs] of GRAINS_MS.entries()) {
        const period = Math.floor((minute * GRAINS_MS[MINUTE]) / grainMs);
        const id = `${grain} ${label} ${period}`;
        const known = all.get(id);
        if (known !== undefined) addSums(known.sums, sums);
        else all.set(id, { grain, level, period, label, sums: { ...sums } });
      }
    }
  }
  return all.values();
}

function alike(rows: readonly SettledRow[]): Map<string, Alike> {
  const all = new Map<string, Alike>();
  for (const row of rows) {
    const { tenant, key, persona, provider, model, end_user_id, metadata } = row;
    const minute = Math.floor(Number(row.ended_at_ms) / GRAINS_MS[MINUTE]);
    // Only a model and an end user can have a NUL in them, and the lengths tell even those apart.
    const labels = [tenant, key, persona, provider, model, metadata].join("\0");
    const id = `${minute} ${labels.length} ${String(end_user_id).length} ${labels}\0${end_user_id}`;
    const known = all.get(id);
    if (known !== undefined) addSums(known.sums, sumsOfRow(row));
    else all.set(id, { row, minute, sums: sumsOfRow(row) });
  }
  return all;
}

function sumsOfRow(row: SettledRow): RunningSums {
  const isUnpriced = row.cost_nano_usd === null && row.billed !== BigInt(Billed.NO);
  return {
    ...noSums(),
    calls: row.attempt === 0n ? 1n : 0n,
    attempts: 1n,
    inputTokens: whole(row.input_tokens),
    outputTokens: whole(row.output_tokens),
    cacheReadTokens: whole(row.cache_read_tokens),
    reasoningTokens: whole(row.reasoning_tokens),
    costNanoUsd: whole(row.cost_nano_usd),
    unpricedAttempts: isUnpriced ? 1n : 0n,
  };
}

function whole(value: SQLOutputValue | undefined): bigint {
  return typeof value === "bigint" ? value : 0n;
}

/** Sums in the order of their columns. */
export function valuesOf(sums: CostSums): readonly bigint[] {
  const { calls, attempts, inputTokens, outputTokens, cacheReadTokens, reasoningTokens } = sums;
  const { costNanoUsd, unpricedAttempts } = sums;
  return [calls, attempts, inputTokens, outputTokens, cacheReadTokens, reasoningTokens, costNanoUsd, unpricedAttempts];
}

/** The ids of labels. */
interface LabelIds {
  /** The id of a row's label at a level, which is made if there was none. */
  idOf(level: number, row: SettledRow, metadataKeys: readonly string[]): number;
  /** Forgets what it remembers: some of it may not have been kept. */
  forget(): void;
}

const LABELS = Object.keys(LABEL_COLUMNS) as LabelName[];

function createLabelIds(db: DatabaseSync): LabelIds {
  const columns = ["level", ...Object.values(LABEL_COLUMNS), "metadata"];
  const find = db.prepare(`SELECT id FROM labels WHERE ${columns.map((column) => `${column} = ?`).join(" AND ")}`);
  const make = db.prepare(`INSERT INTO labels (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`);
  const known = new Map<string, number>();
  return {
    idOf: (level, row, metadataKeys) => {
      const values = [level, ...labelValues(level, row, metadataKeys)];
      const text = JSON.stringify(values);
      const remembered = known.get(text);
      if (remembered !== undefined) return remembered;
      const id = Number(find.get(...values)?.id ?? make.run(...values).lastInsertRowid);
      if (known.size >= MAX_LABELS) known.clear();
      known.set(text, id);
      return id;
    },
    forget: () => known.clear(),
  };
}

/** What a row's label keeps apart at a level, in the order of the columns, metadata last. */
export function labelValues(level: number, row: SettledRow, metadataKeys: readonly string[]): readonly string[] {
  const kept = LABELS.map((name) => (LEVELS[level]?.has(name) === true ? String(row[LABEL_COLUMNS[name]]) : ""));
  return [...kept, level === 0 ? declaredOf(row, metadataKeys) : ""];
}

function declaredOf({ metadata }: SettledRow, names: readonly string[]): string {
  return names.length === 0 ? "" : declaredText(readMetadata(String(metadata)), names);
}
