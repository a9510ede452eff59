import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { AttemptOutcome } from "../../../src/gen/execution/v1/usage_pb.js";
import { type Bill, outputTokensAt } from "./biller.ts";
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

/** Output tokens at which a checkpoint is due, and the time after which it is, in milliseconds: whichever is sooner. */
const TOKENS_A_CHECKPOINT = 256;
const CHECKPOINT_MS = 1_000;

/**
 * The least an estimate must have of what the provider wrote, by its own record. What it had written `writtenMs` before the kill had come, and was noted and on the disk if
 * it was due: all but what stays below one checkpoint in tokens, and all that was older than one in time.
 */
function leastNoted(bill: Bill, killedAtMs: number, writtenMs: number): number {
  const due = outputTokensAt(bill, killedAtMs - writtenMs) - (TOKENS_A_CHECKPOINT - 1);
  return Math.max(0, due, outputTokensAt(bill, killedAtMs - writtenMs - CHECKPOINT_MS));
}

/** What counts as lately, in milliseconds: a gateway takes longer for its first calls. */
const LATELY_MS = 500;

/** What is waited for beside the disk, in milliseconds: the way of a piece, and a timer that is late. */
const SLACK_MS = 20;

/**
 * How long it takes in a life until what is noted is on the disk, by what its calls had to wait for that were begun, or had not come, lately. A request leaves after its row is
 * written, which waits for the commit that runs and then for its own, as a checkpoint does; so what the provider saw bounds both, of those that came and of
 * those that had not come yet. The slowest of a few is not the slowest there is: twice that.
 */
export function writtenWithinMs(calls: readonly Call[], bills: readonly Bill[], killedAtMs: number): number {
  const arrivals = new Map(bills.map(({ call, arrivedAtMs }) => [call, arrivedAtMs]));
  const waits = calls.flatMap(({ call, beganAtMs }) => {
    const arrivedAtMs = Math.min(arrivals.get(call) ?? killedAtMs, killedAtMs);
    return arrivedAtMs > killedAtMs - LATELY_MS ? [arrivedAtMs - beganAtMs] : [];
  });
  return 2 * Math.max(0, ...waits) + SLACK_MS;
}

/** Holds what the ledger and the caller say of a call against the provider's bill. */
export function judge(
  { call, sawFinished }: Call,
  bills: readonly Bill[],
  rows: readonly Row[],
  { killedAtMs, writtenMs }: { readonly killedAtMs: number; readonly writtenMs: number },
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
  const phase = bill.isEnded ? "end to settle" : "streaming";
  if (row.reason !== "INTERRUPTED") return { phase, problems, missingTokens: undefined };
  const billed = outputTokensAt(bill, killedAtMs);
  const known = row.outputTokens ?? 0;
  const least = leastNoted(bill, killedAtMs, writtenMs);
  const most = outputTokensAt(bill, Number.POSITIVE_INFINITY);
  if (known < least || known > most) {
    const { kind } = bill.wire;
    problems.push(`call ${call} (${kind}): the estimate has ${known} tokens of ${billed}, not ${least} to ${most}`);
  }
  return { phase, problems, missingTokens: billed - known };
}

function isExact(row: Row, bill: Bill): boolean {
  const { inputNanoUsd, outputNanoUsd } = bill.wire;
  const output = outputTokensAt(bill, Number.POSITIVE_INFINITY);
  const cost = BigInt(bill.inputTokens) * inputNanoUsd + BigInt(output) * outputNanoUsd;
  return row.inputTokens === bill.inputTokens && row.outputTokens === output && row.costNanoUsd === cost;
}

function words({ inputTokens, outputTokens, costNanoUsd }: Row): string {
  return `${inputTokens} in, ${outputTokens} out, ${costNanoUsd} nano-USD`;
}

function billWords(bill: Bill): string {
  return `${bill.inputTokens} in, ${outputTokensAt(bill, Number.POSITIVE_INFINITY)} out`;
}
