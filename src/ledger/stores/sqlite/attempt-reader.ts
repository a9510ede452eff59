import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { readMetadata } from "../../metadata.ts";
import type { AttemptPage, AttemptQuery, SettledAttempt } from "../../store.ts";
import { whereLabels } from "./cost-sql.ts";

/** Rows that are looked at for one page: whoever else asks does not wait for more than that. */
const ROWS_A_PAGE = 20_000;

/** A row has no value of a name, or an empty one, where an empty one is wanted. */
const HAS_PAIR =
  "coalesce((SELECT value FROM json_each(iif(a.metadata = '', '{}', a.metadata)) WHERE key = ?), '') = ?";

/** Reads a page of attempts, in the order of settlement. It has fewer than were asked for, or none, where few of the rows that it looked at are wanted. */
export function readAttempts(db: DatabaseSync, { startMs, endMs, filter, limit, after }: AttemptQuery): AttemptPage {
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
  return { attempts: rows.map(attemptOf), ...(end < last && { next: end }) };
}

/** The first row after a position, and the last of all. */
function readEnds(db: DatabaseSync, after: bigint): { readonly first: bigint; readonly last: bigint } {
  const statement = db.prepare("SELECT min(seq) AS first, max(seq) AS last FROM attempts WHERE seq > ?");
  statement.setReadBigInts(true);
  const row = statement.get(after);
  return { first: whole(row?.first), last: whole(row?.last) };
}

type Row = Readonly<Record<string, SQLOutputValue>>;

function attemptOf(row: Row): SettledAttempt {
  const known = {
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    cacheReadTokens: row.cache_read_tokens,
    reasoningTokens: row.reasoning_tokens,
    costNanoUsd: row.cost_nano_usd,
  };
  return {
    attemptId: String(row.attempt_id),
    streamId: String(row.stream_id),
    requestId: String(row.request_id),
    tenant: String(row.tenant),
    key: String(row.key),
    persona: String(row.persona),
    endUserId: String(row.end_user_id),
    metadata: readMetadata(String(row.metadata)),
    step: Number(row.step),
    attempt: Number(row.attempt),
    provider: String(row.provider),
    kind: String(row.kind),
    model: String(row.model),
    startedAtMs: Number(row.started_at_ms),
    endedAtMs: Number(row.ended_at_ms),
    priceVersion: String(row.price_version),
    billed: Number(row.billed),
    outcome: Number(row.outcome),
    reason: String(row.reason),
    ...Object.fromEntries(Object.entries(known).filter(([, value]) => typeof value === "bigint")),
  };
}

function whole(value: SQLOutputValue | undefined): bigint {
  return typeof value === "bigint" ? value : 0n;
}
