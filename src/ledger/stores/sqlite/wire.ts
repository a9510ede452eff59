import { toBinary } from "@bufbuild/protobuf";
import { type Usage, UsageSchema } from "../../../gen/execution/v1/usage_pb.js";
import { metadataText } from "../../metadata.ts";
import type { AttemptRow, Checkpoint, OpenAttempt } from "../../store.ts";

/** What SQLite can hold. */
export type Value = string | number | bigint | Uint8Array | null;

/** Something to be written, as it crosses to the writer's thread: values in the order of their statement's parameters. */
export interface Operation {
  readonly kind: "open" | "checkpoint" | "settle" | "close";
  readonly values: readonly Value[];
}

/** Columns of an attempt that is about to be sent, in the order of `openValues`. */
export const OPEN_COLUMNS =
  "attempt_id, stream_id, request_id, tenant, key, persona, end_user_id, metadata, step, attempt, provider, kind, model, started_at_ms";

/** Columns of what was used, in the order of `usageValues`. */
export const USAGE_COLUMNS =
  "usage, input_tokens, output_tokens, cache_read_tokens, reasoning_tokens, cost_nano_usd, price_version";

/** Columns of an end. */
export const END_COLUMNS = "billed, outcome, reason, ended_at_ms";

/** Enters an attempt. */
export function openOperation(attempt: OpenAttempt): Operation {
  return { kind: "open", values: [...openValues(attempt), attempt.costNanoUsd ?? null] };
}

/** Notes what an open attempt has used. */
export function checkpointOperation(checkpoint: Checkpoint): Operation {
  return { kind: "checkpoint", values: [...usageValues(checkpoint), checkpoint.atMs, checkpoint.attemptId] };
}

/** Settles an attempt. */
export function settleOperation(row: AttemptRow): Operation {
  const { billed, outcome, reason, endedAtMs } = row;
  return { kind: "settle", values: [...openValues(row), ...usageValues(row), billed, outcome, reason, endedAtMs] };
}

/** Takes back an attempt that was entered, and that nothing was sent for. */
export function withdrawal({ values: [attemptId = ""] }: Operation): Operation {
  return { kind: "close", values: [attemptId] };
}

/** The attempt that an operation is about. */
export function attemptIdOf({ kind, values }: Operation): string {
  return String(values.at(kind === "checkpoint" ? -1 : 0));
}

function openValues(attempt: OpenAttempt): readonly Value[] {
  return [
    attempt.attemptId,
    attempt.streamId,
    attempt.requestId,
    attempt.tenant,
    attempt.key,
    attempt.persona,
    attempt.endUserId,
    metadataText(attempt.metadata),
    attempt.step,
    attempt.attempt,
    attempt.provider,
    attempt.kind,
    attempt.model,
    attempt.startedAtMs,
  ];
}

interface Used {
  readonly usage?: Usage;
  readonly costNanoUsd?: bigint;
  readonly priceVersion: string;
}

function usageValues({ usage, costNanoUsd, priceVersion }: Used): readonly Value[] {
  const cost = costNanoUsd ?? null;
  if (usage === undefined) return [null, null, null, null, null, cost, priceVersion];
  return [
    toBinary(UsageSchema, usage),
    usage.inputTotal ?? null,
    usage.outputTotal ?? null,
    usage.inputCacheRead ?? null,
    usage.outputReasoning ?? null,
    cost,
    priceVersion,
  ];
}
