import { readMetadata } from "../metadata.ts";
import type { SettledAttempt } from "../store.ts";

/** The columns of a row that an attempt is read from, in files and in databases. */
export const ATTEMPT_COLUMNS = [
  "attempt_id",
  "stream_id",
  "request_id",
  "tenant",
  "key",
  "persona",
  "end_user_id",
  "metadata",
  "step",
  "attempt",
  "provider",
  "kind",
  "model",
  "started_at_ms",
  "ended_at_ms",
  "input_tokens",
  "output_tokens",
  "cache_read_tokens",
  "reasoning_tokens",
  "cost_nano_usd",
  "price_version",
  "billed",
  "outcome",
  "reason",
] as const;

/** Reads a row: whole numbers as bigints, numbers or their digits, and null where something is not known. */
export function attemptOf(row: Readonly<Record<string, unknown>>): SettledAttempt {
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
    ...Object.fromEntries(
      Object.entries(known).flatMap(([name, value]) => (value == null ? [] : [[name, BigInt(String(value))]])),
    ),
  };
}
