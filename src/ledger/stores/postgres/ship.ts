import { createHash } from "node:crypto";
import { addedSums, labelValues, type SettledRow, SUM_COLUMNS, valuesOf } from "../sqlite/roll-up.ts";
import type { Connection, Database } from "./database.ts";
import { cleanText, recordColumns, toRecord } from "./records.ts";

/** How far a spool is in the database: its last row there, 0 if none is. */
export interface Position {
  readonly seq: number;
  readonly attemptId: string;
}

/** Makes a spool known, if it is not, as one that is at `start`, and says how far it is. */
export function registerSpool(database: Database, spoolId: number, start: Position): Promise<Position> {
  return database.use(async (connection) => {
    await connection.query(
      "INSERT INTO execution_platform.spools (id, shipped_seq, shipped_attempt_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
      [spoolId, start.seq, start.attemptId],
    );
    return readPosition(connection, spoolId, "");
  });
}

/** What of a spool is sent, and from where. */
export interface Shipment {
  readonly spoolId: number;
  /** Where the spool is thought to be in the database. */
  readonly after: Position;
  /** In the order of settlement, those after `after`; at least one. */
  readonly rows: readonly SettledRow[];
  readonly metadataKeys: readonly string[];
}

/**
 * Puts rows into the database, what they add to the roll-ups, and how far the spool is: all in one transaction. A row that is there already adds nothing,
 * so rows may be sent again where nobody knows whether a commit was done. Returns how far the spool is then, which is not the last of the rows if the
 * spool was not where it was thought to be: nothing was put in, and the rows after that are wanted.
 */
export function ship(database: Database, { spoolId, after, rows, metadataKeys }: Shipment): Promise<Position> {
  return database.transaction("BEGIN", async (connection) => {
    const found = await readPosition(connection, spoolId, "FOR UPDATE");
    const last = rows.at(-1);
    // A commit whose answer was lost may still have been under way when the position was read.
    if (last === undefined || found.seq !== after.seq) return found;
    const inserted = await insertRows(connection, rows);
    const added = rows.filter(({ attempt_id }) => inserted.has(String(attempt_id)));
    await addToSums(connection, added, metadataKeys);
    const position = { seq: Number(last.seq), attemptId: String(last.attempt_id) };
    await connection.query(
      "UPDATE execution_platform.spools SET shipped_seq = $2, shipped_attempt_id = $3, shipped_at = now() WHERE id = $1",
      [spoolId, position.seq, position.attemptId],
    );
    return position;
  });
}

async function readPosition(connection: Connection, spoolId: number, lock: "" | "FOR UPDATE"): Promise<Position> {
  const [row] = await connection.query(
    `SELECT shipped_seq, shipped_attempt_id FROM execution_platform.spools WHERE id = $1 ${lock}`,
    [spoolId],
  );
  return { seq: Number(row?.[0] ?? 0), attemptId: String(row?.[1] ?? "") };
}

/** The ids of those that were not there. */
async function insertRows(connection: Connection, rows: readonly SettledRow[]): Promise<ReadonlySet<string>> {
  const { names, types } = recordColumns;
  const inserted = await connection.query(
    `INSERT INTO execution_platform.attempts (${names})
     SELECT ${names} FROM json_to_recordset($1::json) AS row(${types})
     ON CONFLICT DO NOTHING RETURNING attempt_id`,
    [JSON.stringify(rows.map(toRecord))],
  );
  return new Set(inserted.map(([id]) => String(id)));
}

/** Adds rows to the roll-ups. Labels are sorted, as sums are. */
async function addToSums(
  connection: Connection,
  rows: readonly SettledRow[],
  metadataKeys: readonly string[],
): Promise<void> {
  const labels = new Map<string, readonly string[]>();
  const sums = [
    ...addedSums(rows, (level, row) => {
      const values = [String(level), ...labelValues(level, row, metadataKeys).map(cleanText)];
      const id = labelId(values);
      labels.set(id, [id, ...values]);
      return id;
    }),
  ].map(({ grain, level, period, label, sums: added }) =>
    [grain, level, period, label, ...valuesOf(added)].map(String),
  );
  if (sums.length === 0) return;
  await connection.query(
    `INSERT INTO execution_platform.labels
     SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
     ON CONFLICT DO NOTHING`,
    columnsOf([...labels.values()].sort(([one = ""], [other = ""]) => compareTexts(one, other))),
  );
  await addSums(connection, sums);
}

/** Sums that are added by one statement. */
const SUMS_A_STEP = 5_000;

/**
 * Adds to sums, each of which is its key (grain, level, period, label) and what is added to each of its columns. Sorted by what they lock, so that two that
 * add to the same sums wait for each other and never both.
 */
export async function addSums(connection: Connection, sums: readonly (readonly string[])[]): Promise<void> {
  const sorted = sums.toSorted((one, other) => compareTexts(one.slice(0, 4).join(" "), other.slice(0, 4).join(" ")));
  const arrays = ["smallint", "smallint", "bigint", "uuid", ...SUM_COLUMNS.map(() => "bigint")];
  for (let at = 0; at < sorted.length; at += SUMS_A_STEP) {
    await connection.query(
      `INSERT INTO execution_platform.sums AS s SELECT * FROM unnest(${arrays.map((type, index) => `$${index + 1}::${type}[]`).join(", ")})
       ON CONFLICT (grain, level, period, label) DO UPDATE SET ${SUM_COLUMNS.map(saturating).join(", ")}`,
      columnsOf(sorted.slice(at, at + SUMS_A_STEP)),
    );
  }
}

/** Stands still at what an int64 can hold. */
function saturating(column: string): string {
  return `${column} = least(s.${column}::numeric + excluded.${column}, 9223372036854775807)::bigint`;
}

/** 128 bits of a digest: two labels are not one, and every gateway gives a label the same. */
function labelId(values: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(values)).digest("hex").slice(0, 32);
}

/** Arrays of the columns of some rows, as `unnest` takes them. */
export function columnsOf(rows: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return (rows[0] ?? []).map((_, index) => rows.map((row) => row[index] ?? ""));
}

function compareTexts(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
