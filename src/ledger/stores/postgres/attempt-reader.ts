import { createMetadataValues, hasMetadata, metadataText } from "../../metadata.ts";
import type { AttemptPage, AttemptQuery, SettledAttempt } from "../../store.ts";
import { ATTEMPT_COLUMNS, attemptOf } from "../settled-attempt.ts";
import { LABEL_COLUMNS, labelsOfFilter } from "../sqlite/levels.ts";
import type { Database, DatabaseRow, Parameter } from "./database.ts";
import { cleanText } from "./records.ts";

/** Rows that are looked at for one page, so that no statement comes near its limit of time. */
const ROWS_A_PAGE = 20_000;

/** Rows after a position, in order. Two parameters are the position, the third is the end of the window. */
const LOOKED_AT = `FROM execution_platform.attempts
  WHERE (ended_at_ms, attempt_id) > ($1, $2) AND ended_at_ms < $3 ORDER BY ended_at_ms, attempt_id`;

/**
 * Reads a page of the attempts of all gateways, by their ends and ids, all as of one moment. It has fewer than were asked for, or none, where few of the rows
 * that it looked at are wanted. Rejects with what the database says.
 */
export function readAttempts(database: Database, query: AttemptQuery): Promise<AttemptPage> {
  const { endMs, limit, filter } = query;
  const { metadata = {} } = filter;
  const metadataValue = createMetadataValues();
  const window = [...readPosition(query), endMs];
  const { conditions, values } = whereWanted(query, window.length);
  const columns = ATTEMPT_COLUMNS.join(", ");
  return database.transaction("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", async (connection) => {
    // One row more than is wanted, which says that there are more.
    const found = await connection.query(
      `SELECT ${columns} FROM (SELECT ${columns} ${LOOKED_AT} LIMIT ${ROWS_A_PAGE}) AS a
       WHERE ${["true", ...conditions].join(" AND ")} ORDER BY ended_at_ms, attempt_id LIMIT ${limit + 1}`,
      [...window, ...values],
    );
    const rows = found.slice(0, limit).map(readRow);
    const attempts = rows.filter((row) => hasMetadata(metadataText(row.metadata), metadata, metadataValue));
    const last = rows.at(-1);
    if (found.length > limit && last !== undefined) return { attempts, next: positionText(last) };
    const [end] = await connection.query(
      `SELECT ended_at_ms, attempt_id ${LOOKED_AT} LIMIT 1 OFFSET ${ROWS_A_PAGE - 1}`,
      window,
    );
    if (end === undefined) return { attempts };
    return { attempts, next: positionText({ endedAtMs: Number(end[0]), attemptId: String(end[1]) }) };
  });
}

function readRow(row: DatabaseRow): SettledAttempt {
  return attemptOf(Object.fromEntries(ATTEMPT_COLUMNS.map((name, index) => [name, row[index]])));
}

/** The end of a row, and its id, which tells those of the same millisecond apart and stays the same for ever. */
function positionText({ endedAtMs, attemptId }: Pick<SettledAttempt, "endedAtMs" | "attemptId">): string {
  return `${endedAtMs} ${attemptId}`;
}

/** No id is empty, so the first position is before all that ends at the start of the window. */
function readPosition({ startMs, after }: AttemptQuery): readonly [endedAtMs: number, attemptId: string] {
  if (after === undefined) return [startMs, ""];
  const space = after.indexOf(" ");
  return [Number(after.slice(0, space)), after.slice(space + 1)];
}

/** Conditions that all rows that are wanted fulfil, and but a few others. Their parameters come after so many others. */
function whereWanted(
  { filter }: AttemptQuery,
  before: number,
): { readonly conditions: readonly string[]; readonly values: readonly Parameter[] } {
  const values: string[] = [];
  const bind = (value: string): string => {
    values.push(cleanText(value));
    return `$${before + values.length}`;
  };
  const labels = labelsOfFilter(filter).map((name) => `${LABEL_COLUMNS[name]} = ${bind(filter[name] ?? "")}`);
  const plain = Object.entries(filter.metadata ?? {}).filter(([name]) => !AFTER_A_TEXT.test(name));
  const pairs = plain.map(([name, value]) => {
    const hasPair = `strpos(${PAIRS}, ${bind(`,${JSON.stringify(name)}:${JSON.stringify(value)}`)}) > 0`;
    // A row has no value of a name, or an empty one, where an empty one is wanted.
    return value === "" ? `(${hasPair} OR strpos(${PAIRS}, ${bind(`,${JSON.stringify(name)}:`)}) = 0)` : hasPair;
  });
  return { conditions: [...labels, ...pairs], values };
}

/**
 * Metadata as text, with a comma before each pair. It is searched as text because PostgreSQL's JSON refuses some that calls may bring, such as U+0000. A comma, a
 * quote and a name stand together where a name begins, and nowhere else: within a text the quote would be escaped, and what follows at its end is none of a name
 * unless that begins as JSON goes on there.
 */
const PAIRS = "',' || substr(metadata, 2)";
const AFTER_A_TEXT = /^[,:}]/;
