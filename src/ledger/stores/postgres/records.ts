import type { SettledRow } from "../sqlite/roll-up.ts";

/** The columns of a row that are sent to the database, with their types there. */
const COLUMNS = {
  attempt_id: "text",
  stream_id: "text",
  request_id: "text",
  tenant: "text",
  key: "text",
  persona: "text",
  end_user_id: "text",
  metadata: "text",
  step: "integer",
  attempt: "integer",
  provider: "text",
  kind: "text",
  model: "text",
  started_at_ms: "bigint",
  usage: "bytea",
  input_tokens: "bigint",
  output_tokens: "bigint",
  cache_read_tokens: "bigint",
  reasoning_tokens: "bigint",
  cost_nano_usd: "bigint",
  price_version: "text",
  billed: "integer",
  outcome: "integer",
  reason: "text",
  ended_at_ms: "bigint",
} as const;

/** The columns as statements need them: their names, and names with types. */
export const recordColumns = {
  names: Object.keys(COLUMNS).join(", "),
  types: Object.entries(COLUMNS)
    .map(([name, type]) => `${name} ${type}`)
    .join(", "),
} as const;

/** A row for `json_to_recordset`: numbers as their digits, bytes as `bytea` is written. */
export function toRecord(row: SettledRow): Readonly<Record<string, string | null>> {
  return Object.fromEntries(Object.keys(COLUMNS).map((name) => [name, toText(row[name] ?? null)]));
}

function toText(value: SettledRow[string]): string | null {
  if (value === null) return null;
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString("hex")}`;
  return cleanText(String(value));
}

/** PostgreSQL can hold every character but U+0000, in whose place U+FFFD stands. */
export function cleanText(text: string): string {
  return text.replaceAll("\0", "\uFFFD");
}
