import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { AttemptOutcome } from "../../../src/gen/execution/v1/usage_pb.js";
import { type Bill, BYTES_A_TOKEN, outputTokensAt, TOKENS_A_PIECE } from "./biller.ts";
import type { Call } from "./callers.ts";

/** A row of the ledger, as far as the bill can be held against it. */
export interface Row {
  readonly call: number;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly costNanoUsd: bigint | undefined;
  readonly outcome: AttemptOutcome;
  readonly reason: string;
}

/** Where a kill met a call. */
export type Phase = "before the row" | "row to send" | "streaming" | "end to settle" | "settle to finished" | "over";

/** What became of a call. */
interface Verdict {
  readonly phase: Phase;
  /** What breaks a promise. */
  readonly problems: readonly string[];
  /** Output tokens that the provider billed and an estimate does not have. */
  readonly missingTokens: number | undefined;
}

/** Every row of an embedded ledger, and how many attempts are open. */
export function readRows(directory: string): { readonly rows: readonly Row[]; readonly open: number } {
  const db = new DatabaseSync(join(directory, "data", "ledger.db"), { readOnly: true });
  try {
    const statement = db.prepare(
      "SELECT metadata ->> 'call' AS call, input_tokens, output_tokens, cost_nano_usd, outcome, reason FROM attempts ORDER BY seq",
    );
    statement.setReadBigInts(true);
    return {
      rows: statement.all().map(rowOf),
      open: Number(db.prepare("SELECT count(*) AS n FROM open_attempts").get()?.n),
    };
  } finally {
    db.close();
  }
}

/** A row by its columns, numbers as bigints or as digits. */
export function rowOf(columns: Readonly<Record<string, unknown>>): Row {
  const whole = (name: string): bigint | undefined => {
    const value = columns[name];
    return typeof value === "bigint" || typeof value === "string" ? BigInt(value) : undefined;
  };
  const tokens = (name: string): number | undefined => {
    const value = whole(name);
    return value === undefined ? undefined : Number(value);
  };
  return {
    call: Number(columns.call),
    inputTokens: tokens("input_tokens"),
    outputTokens: tokens("output_tokens"),
    costNanoUsd: whole("cost_nano_usd"),
    outcome: Number(columns.outcome),
    reason: String(columns.reason),
  };
}

/** Tokens between two checkpoints, and of the piece in which the second one is due. */
const TOKENS_A_CHECKPOINT = 256 + TOKENS_A_PIECE;

/** Milliseconds in which a checkpoint that is due is on the disk, even of a busy machine. */
const WRITTEN_MS = 500;

/** Holds what the ledger and the caller say of a call against the provider's bill. */
export function judge(
  { call, sawFinished, textBytes }: Call,
  bills: readonly Bill[],
  rows: readonly Row[],
  killedAtMs: number,
): Verdict {
  const [bill] = bills;
  const [row] = rows;
  const problems: string[] = [];
  if (bills.length > 1) problems.push(`call ${call} was sent ${bills.length} times`);
  if (rows.length > 1) problems.push(`call ${call} has ${rows.length} rows`);
  if (bill !== undefined && row === undefined) problems.push(`call ${call} was billed and has no row`);
  const isWon = row?.outcome === AttemptOutcome.WON;
  if (sawFinished && !isWon) problems.push(`call ${call}: its caller saw finished, and the row does not say so`);
  if (bill === undefined || row === undefined) {
    return { phase: row === undefined ? "before the row" : "row to send", problems, missingTokens: undefined };
  }
  if (isWon) {
    if (!isExact(row, bill)) problems.push(`call ${call}: the row says ${words(row)}, the bill ${billWords(bill)}`);
    return { phase: sawFinished ? "over" : "settle to finished", problems, missingTokens: undefined };
  }
  const billed = outputTokensAt(bill, killedAtMs);
  const known = row.outputTokens ?? 0;
  const lately = billed - outputTokensAt(bill, killedAtMs - WRITTEN_MS);
  // What lay on the way was billed and never came; what the caller was told of had come.
  const told = Math.min(billed, 1 + textBytes / BYTES_A_TOKEN);
  if (row.reason === "INTERRUPTED" && told - known > TOKENS_A_CHECKPOINT + lately) {
    problems.push(`call ${call}: the estimate has ${known} tokens of ${told}, of which ${lately} came lately`);
  }
  const missingTokens = row.reason === "INTERRUPTED" ? billed - known : undefined;
  return { phase: bill.isEnded ? "end to settle" : "streaming", problems, missingTokens };
}

/** Prices of claude-sonnet-4-5, nano-USD a token: $3 and $15 a million. */
const INPUT_NANO_USD = 3_000n;
const OUTPUT_NANO_USD = 15_000n;

function isExact(row: Row, bill: Bill): boolean {
  const output = outputTokensAt(bill, Number.POSITIVE_INFINITY);
  const cost = BigInt(bill.inputTokens) * INPUT_NANO_USD + BigInt(output) * OUTPUT_NANO_USD;
  return row.inputTokens === bill.inputTokens && row.outputTokens === output && row.costNanoUsd === cost;
}

function words({ inputTokens, outputTokens, costNanoUsd }: Row): string {
  return `${inputTokens} in, ${outputTokens} out, ${costNanoUsd} nano-USD`;
}

function billWords(bill: Bill): string {
  return `${bill.inputTokens} in, ${outputTokensAt(bill, Number.POSITIVE_INFINITY)} out`;
}
