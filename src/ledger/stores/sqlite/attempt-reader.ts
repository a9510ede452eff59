import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { AttemptPage, AttemptQuery } from "../../store.ts";
import { attemptOf } from "../settled-attempt.ts";
import { whereLabels } from "./cost-sql.ts";

/** Rows that are looked at for one page: whoever else asks does not wait for more than that. */
const ROWS_A_PAGE = 20_000;

/** A row has no value of a name, or an empty one, where an empty one is wanted. */
const HAS_PAIR =
  "coalesce((SELECT value FROM json_each(iif(a.metadata = '', '{}', a.metadata)) WHERE key = ?), '') = ?";

/**
 * Reads a page of attempts, in the order of settlement; a position is the `seq` of a row. It has fewer than were asked for, or none, where few of the rows that
 * it looked at are wanted.
 */
export function readAttempts(db: DatabaseSync, { startMs, endMs, filter, limit, ...query }: AttemptQuery): AttemptPage {
  const after = BigInt(query.after ?? 0);
  const { conditions, values } = whereLabels(filter, "a");
  const pairs = Object.entries(filter.metadata ?? {});
  const statement = db.prepare(
    `SELECT * FROM attempts a WHERE ${["a.seq > ?", "a.seq <= ?", "a.ended_at_ms >= ?", "a.ended_at_ms < ?", ...conditions, ...pairs.map(() => HAS_PAIR)].join(" AND ")} ORDER BY a.seq LIMIT ?`,
  );
  statement.setReadBigInts(true);
  const { first, last } = readEnds(db, after);
  const until = first + BigInt(ROWS_A_PAGE);
  const rows = statement.all(after, until, startMs, endMs, ...values, ...pairs.flat(), limit);
  const end = rows.length === limit ? whole(rows.at(-1)?.seq) : until;
  return { attempts: rows.map(attemptOf), ...(end < last && { next: String(end) }) };
}

/** The first row after a position, and the last of all. */
function readEnds(db: DatabaseSync, after: bigint): { readonly first: bigint; readonly last: bigint } {
  const statement = db.prepare("SELECT min(seq) AS first, max(seq) AS last FROM attempts WHERE seq > ?");
  statement.setReadBigInts(true);
  const row = statement.get(after);
  return { first: whole(row?.first), last: whole(row?.last) };
}

function whole(value: SQLOutputValue | undefined): bigint {
  return typeof value === "bigint" ? value : 0n;
}
