import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { formatUsd } from "../../contract/money.ts";
import type { AttemptRecord, ExportCostsResponse } from "../../gen/execution/v1/admin_pb.js";
import { CostDimension, type CostRow } from "../../gen/execution/v1/costs_pb.js";
import { AttemptOutcome, Billed } from "../../gen/execution/v1/usage_pb.js";
import type { ExportRecord } from "./export-format.ts";

/** Columns of figures after those of a group, in the contract's names but for money, which is decimal dollars. */
const FIGURES: readonly (readonly [column: string, value: (row: CostRow) => string])[] = [
  ["calls", ({ calls }) => calls.toString()],
  ["attempts", ({ attempts }) => attempts.toString()],
  ["input_tokens", ({ inputTokens }) => inputTokens.toString()],
  ["output_tokens", ({ outputTokens }) => outputTokens.toString()],
  ["cache_read_tokens", ({ cacheReadTokens }) => cacheReadTokens.toString()],
  ["reasoning_tokens", ({ reasoningTokens }) => reasoningTokens.toString()],
  ["cost_usd", ({ costNanoUsd }) => formatUsd(costNanoUsd)],
  ["unpriced_attempts", ({ unpricedAttempts }) => unpricedAttempts.toString()],
];

const ATTEMPT_FIELDS: readonly (readonly [column: string, value: (attempt: AttemptRecord) => string])[] = [
  ["attempt_id", ({ attemptId }) => attemptId],
  ["start_time", ({ startTime }) => timeText(startTime)],
  ["end_time", ({ endTime }) => timeText(endTime)],
  ["stream_id", ({ streamId }) => streamId],
  ["request_id", ({ requestId }) => requestId],
  ["tenant", ({ tenant }) => tenant],
  ["key", ({ key }) => key],
  ["persona", ({ persona }) => persona],
  ["end_user_id", ({ endUserId }) => endUserId],
  ["step", ({ step }) => String(step)],
  ["attempt", ({ attempt }) => String(attempt)],
  ["provider", ({ provider }) => provider],
  ["kind", ({ kind }) => kind],
  ["model", ({ model }) => model],
  ["input_tokens", ({ inputTokens }) => inputTokens?.toString() ?? ""],
  ["output_tokens", ({ outputTokens }) => outputTokens?.toString() ?? ""],
  ["cache_read_tokens", ({ cacheReadTokens }) => cacheReadTokens?.toString() ?? ""],
  ["reasoning_tokens", ({ reasoningTokens }) => reasoningTokens?.toString() ?? ""],
  ["cost_usd", ({ costNanoUsd }) => (costNanoUsd === undefined ? "" : formatUsd(costNanoUsd))],
  ["price_version", ({ priceVersion }) => priceVersion],
  ["billed", ({ billed }) => (Billed[billed] ?? "").toLowerCase()],
  ["outcome", ({ outcome }) => (AttemptOutcome[outcome] ?? "").toLowerCase()],
  ["reason", ({ reason }) => reason],
  ["metadata", ({ metadata }) => (Object.keys(metadata).length === 0 ? "" : JSON.stringify(metadata))],
];

/** Columns of attempts. */
export const ATTEMPT_COLUMNS: readonly string[] = ATTEMPT_FIELDS.map(([column]) => column);

/** Columns of groups: the dimensions, then the figures. */
export function groupColumns(groupBy: readonly CostDimension[]): readonly string[] {
  return [
    ...groupBy.map((dimension) => (CostDimension[dimension] ?? "").toLowerCase()),
    ...FIGURES.map(([column]) => column),
  ];
}

/** The lines of a part of an export. */
export function* recordsOf(
  { rows, attempts }: ExportCostsResponse,
  groupBy: readonly CostDimension[],
): Generator<ExportRecord> {
  const columns = groupColumns(groupBy);
  for (const row of rows) {
    const values = [...row.group, ...FIGURES.map(([, value]) => value(row))];
    yield new Map(columns.map((column, index) => [column, values[index] ?? ""]));
  }
  for (const attempt of attempts) yield new Map(ATTEMPT_FIELDS.map(([column, value]) => [column, value(attempt)]));
}

function timeText(time: Timestamp | undefined): string {
  return time === undefined ? "" : timestampDate(time).toISOString();
}
