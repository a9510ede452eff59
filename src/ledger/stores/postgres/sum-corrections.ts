import { DAY, GRAINS_MS, HOUR, LABEL_COLUMNS, type LabelName, LEVELS, MINUTE } from "../sqlite/levels.ts";
import { SUM_COLUMNS } from "../sqlite/roll-up.ts";
import { isPartOf } from "../sqlite/sum-corrections.ts";
import type { Connection } from "./database.ts";
import { readMeta } from "./schema.ts";
import { addSums, columnsOf } from "./ship.ts";

/** A row whose cost has changed, and by what it is corrected in each sum that has it. */
export interface CorrectedRow extends Readonly<Record<LabelName, string>> {
  readonly attemptId: string;
  readonly metadata: string;
  readonly endedAtMs: number;
  readonly costNanoUsd: bigint;
  readonly unpricedAttempts: bigint;
}

/** Corrects the roll-ups of a database for rows whose cost has changed. */
export interface DatabaseCorrections {
  /** Notes rows. Rejects if a sum that must have one is not there. */
  add(rows: readonly CorrectedRow[]): Promise<void>;
  /** Writes what was noted: last, since others that add to those sums wait from then on. */
  write(): Promise<void>;
}

/** A label that may be that of a row. */
interface Label {
  readonly id: string;
  readonly metadata: string;
}

/** Where a row is summed up: at a level, in a period, under one of some labels. */
interface Place {
  readonly row: CorrectedRow;
  /** Keys of sums, the likeliest first. */
  readonly keys: readonly string[];
}

const NAMES = Object.keys(LABEL_COLUMNS) as LabelName[];

/**
 * Creates corrections within a transaction. As in files, what metadata a sum was kept apart by was declared when it was made, so among the labels of a row the
 * one counts whose pairs the row has and that has a sum of that time; sums whose time is over need none.
 */
export async function createDatabaseCorrections(connection: Connection): Promise<DatabaseCorrections> {
  const meta = await readMeta(connection);
  const firstPeriods = new Map([
    [MINUTE, meta.get("minutes_from") ?? 0],
    [HOUR, meta.get("hours_from") ?? 0],
  ]);
  const noted = new Map<string, { costNanoUsd: bigint; unpricedAttempts: bigint }>();
  const placesOf = (row: CorrectedRow, labels: ReadonlyMap<string, readonly Label[]>): readonly Place[] =>
    [...LEVELS.keys()].flatMap((level) => {
      const fitting = (labels.get(keyOf(labelValues(level, row))) ?? []).filter(({ metadata }) =>
        isPartOf(metadata, row.metadata),
      );
      return [...GRAINS_MS.entries()].flatMap(([grain, grainMs]) => {
        const period = Math.floor(row.endedAtMs / grainMs);
        if (grain !== DAY && period < (firstPeriods.get(grain) ?? 0)) return [];
        return [{ row, keys: fitting.map(({ id }) => [grain, level, period, id].join(" ")) }];
      });
    });
  return {
    add: async (rows) => {
      const labels = await findLabels(connection, rows);
      const places = rows.flatMap((row) => placesOf(row, labels));
      const there = await findSums(connection, new Set(places.flatMap(({ keys }) => keys)));
      for (const { row, keys } of places) {
        const key = keys.find((each) => there.has(each));
        if (key === undefined)
          throw new Error(`the sums of the ledger do not have the attempt ${row.attemptId}; nothing was changed`);
        const { costNanoUsd = 0n, unpricedAttempts = 0n } = noted.get(key) ?? {};
        noted.set(key, {
          costNanoUsd: costNanoUsd + row.costNanoUsd,
          unpricedAttempts: unpricedAttempts + row.unpricedAttempts,
        });
      }
    },
    write: () =>
      addSums(
        connection,
        [...noted].map(([key, { costNanoUsd, unpricedAttempts }]) => {
          const added: Readonly<Record<string, bigint>> = {
            cost_nano_usd: costNanoUsd,
            unpriced_attempts: unpricedAttempts,
          };
          return [...key.split(" "), ...SUM_COLUMNS.map((column) => String(added[column] ?? 0n))];
        }),
      ),
  };
}

/** The level, and the values of a row that it keeps apart. */
function labelValues(level: number, row: CorrectedRow): readonly string[] {
  return [String(level), ...NAMES.map((name) => (LEVELS[level]?.has(name) ? row[name] : ""))];
}

function keyOf(values: readonly unknown[]): string {
  return JSON.stringify(values);
}

/** All labels that rows may have, by what they keep apart, those with the most metadata first. */
async function findLabels(
  connection: Connection,
  rows: readonly CorrectedRow[],
): Promise<ReadonlyMap<string, readonly Label[]>> {
  const wanted = new Map(
    rows.flatMap((row) =>
      [...LEVELS.keys()].map((level) => {
        const values = labelValues(level, row);
        return [keyOf(values), values] as const;
      }),
    ),
  );
  const columns = ["level", ...Object.values(LABEL_COLUMNS)];
  const arrays = columns.map((_, index) => `$${index + 1}::${index === 0 ? "smallint" : "text"}[]`);
  const found = await connection.query(
    `SELECT l.id, l.metadata, ${columns.map((column) => `l.${column}`).join(", ")}
     FROM unnest(${arrays.join(", ")}) AS wanted (${columns.join(", ")}) JOIN execution_platform.labels l USING (${columns.join(", ")})
     ORDER BY length(l.metadata) DESC, l.id`,
    columnsOf([...wanted.values()]),
  );
  return Map.groupBy(
    found.map(([id, metadata, ...values]) => ({
      id: String(id),
      metadata: String(metadata),
      key: keyOf(values.map(String)),
    })),
    ({ key }) => key,
  );
}

/** Those of some keys that have a sum. */
async function findSums(connection: Connection, keys: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const columns = "grain, level, period, label";
  const found = await connection.query(
    `SELECT ${columns} FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::uuid[]) AS wanted (${columns})
     JOIN execution_platform.sums USING (${columns})`,
    keys.size === 0 ? [[], [], [], []] : columnsOf([...keys].map((key) => key.split(" "))),
  );
  return new Set(found.map((key) => key.join(" ")));
}
