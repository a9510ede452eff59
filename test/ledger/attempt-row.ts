import { unknownUsage } from "../../src/contract/usage.ts";
import { AttemptOutcome, Billed } from "../../src/gen/execution/v1/usage_pb.js";
import type { AttemptRow } from "../../src/ledger/store.ts";

const noon = Date.UTC(2026, 10, 26, 12);

let rowCount = 0;

/** A row at noon that cost 100 nano-USD, with an id of its own. */
export function attemptRow(overrides: Partial<AttemptRow> = {}): AttemptRow {
  rowCount += 1;
  return {
    attemptId: `attempt_${rowCount}`,
    streamId: `stream_${rowCount}`,
    requestId: `req_${rowCount}`,
    tenant: "acme",
    key: "ci",
    persona: "default",
    endUserId: "",
    metadata: {},
    step: 0,
    attempt: 0,
    provider: "near",
    kind: "openai",
    model: "m",
    usage: { ...unknownUsage(), inputTotal: 10, inputCacheRead: 4, outputTotal: 5, outputReasoning: 2 },
    costNanoUsd: 100n,
    priceVersion: "v1",
    billed: Billed.YES,
    outcome: AttemptOutcome.WON,
    reason: "",
    startedAtMs: noon - 1000,
    endedAtMs: noon,
    ...overrides,
  };
}
