import { create, equals } from "@bufbuild/protobuf";
import { ExecutionError } from "../../errors.ts";
import {
  type WatchCostsRequest,
  type WatchCostsResponse,
  WatchCostsResponseSchema,
} from "../../gen/execution/v1/admin_pb.js";
import {
  type CostRow,
  CostRowSchema,
  CostsRequestSchema,
  type CostsResponse,
} from "../../gen/execution/v1/costs_pb.js";
import { type CostDeps, describeCosts } from "../costs.ts";
import type { Asker } from "../ledger-turns.ts";

/** Rows that somebody watches, unless the request says how many, and at most. */
const DEFAULT_ROWS = 100;
const MAX_ROWS = 1_000;

const DAY_MS = 86_400_000;

/** What was told last. */
interface Told {
  readonly rows: ReadonlyMap<string, CostRow>;
  readonly total: CostRow | undefined;
  readonly day: number;
}

/** Looks at costs for one who watches them: all rows at first and with each new day, then what has changed. Throws as `describeCosts` does. */
export function createCostLook(
  deps: CostDeps,
  { costs = create(CostsRequestSchema) }: WatchCostsRequest,
  asker: Asker,
): () => Promise<WatchCostsResponse | undefined> {
  if (costs.endTime !== undefined) refuse("costs.end_time", "must not be there: who watches sees what comes");
  if (costs.pageToken !== "") refuse("costs.page_token", "must not be there: only the first rows can be watched");
  const pageSize = costs.pageSize ?? DEFAULT_ROWS;
  if (pageSize > MAX_ROWS) refuse("costs.page_size", `must be at most ${MAX_ROWS}`);
  let told: Told | undefined;
  return async () => {
    const day = costs.startTime === undefined ? Math.floor(deps.nowMs() / DAY_MS) : 0;
    const answer = await describeCosts(deps, { ...costs, pageSize }, asker);
    const before = told?.day === day ? told : undefined;
    told = { rows: new Map(answer.rows.map((row) => [keyOf(row), row])), total: answer.total, day };
    return before === undefined ? responseOf(answer, answer.rows, []) : changeOf(before, answer);
  };
}

function changeOf(before: Told, answer: CostsResponse): WatchCostsResponse | undefined {
  const changed = answer.rows.filter((row) => !isSame(before.rows.get(keyOf(row)), row));
  const now = new Set(answer.rows.map(keyOf));
  const removed = [...before.rows].flatMap(([key, { group }]) =>
    now.has(key) ? [] : [create(CostRowSchema, { group })],
  );
  const isQuiet = changed.length === 0 && removed.length === 0 && isSame(before.total, answer.total);
  return isQuiet ? undefined : responseOf(answer, changed, removed, false);
}

function responseOf(
  { total, asOf }: CostsResponse,
  rows: readonly CostRow[],
  removed: readonly CostRow[],
  snapshot = true,
): WatchCostsResponse {
  return create(WatchCostsResponseSchema, {
    snapshot,
    rows: [...rows],
    removedRows: [...removed],
    ...(total !== undefined && { total }),
    ...(asOf !== undefined && { asOf }),
  });
}

function isSame(before: CostRow | undefined, now: CostRow | undefined): boolean {
  return before !== undefined && now !== undefined && equals(CostRowSchema, before, now);
}

function keyOf({ group }: CostRow): string {
  return JSON.stringify(group);
}

function refuse(field: string, description: string): never {
  throw new ExecutionError("INVALID_FIELD", `${field} ${description}`, { fields: [{ field, description }] });
}
