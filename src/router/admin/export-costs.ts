import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ExecutionError } from "../../errors.ts";
import {
  type AttemptRecord,
  AttemptRecordSchema,
  type ExportCostsRequest,
  type ExportCostsResponse,
  ExportCostsResponseSchema,
} from "../../gen/execution/v1/admin_pb.js";
import { type CostsRequest, CostsRequestSchema } from "../../gen/execution/v1/costs_pb.js";
import type { AttemptPage, AttemptQuery, SettledAttempt } from "../../ledger/store.ts";
import { windowOf } from "../cost-window.ts";
import { type CostDeps, checkMetadata, costFilter, describeCosts } from "../costs.ts";
import type { Asker } from "../ledger-turns.ts";

/** Groups or attempts that are held at once. */
const PAGE = 1_000;

/** Gives all groups or attempts of a request, a page at a time. Throws as `describeCosts` does, and INVALID_FIELD for groups of attempts. */
export async function* exportCosts(
  deps: CostDeps,
  { costs = create(CostsRequestSchema), attempts }: ExportCostsRequest,
  asker: Asker,
): AsyncGenerator<readonly ExportCostsResponse[]> {
  if (attempts) yield* exportAttempts(deps, costs, asker);
  else yield* exportGroups(deps, costs, asker);
}

async function* exportGroups(
  deps: CostDeps,
  costs: CostsRequest,
  asker: Asker,
): AsyncGenerator<readonly ExportCostsResponse[]> {
  let pageToken = "";
  do {
    const page = await describeCosts(deps, { ...costs, pageToken, pageSize: PAGE }, asker);
    yield [create(ExportCostsResponseSchema, { rows: page.rows })];
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

async function* exportAttempts(
  { ledger, askLedger, nowMs }: CostDeps,
  costs: CostsRequest,
  asker: Asker,
): AsyncGenerator<readonly ExportCostsResponse[]> {
  if (costs.groupBy.length > 0) {
    const [field, description] = ["costs.group_by", "must be empty where attempts are asked for"];
    throw new ExecutionError("INVALID_FIELD", `${field} ${description}`, { fields: [{ field, description }] });
  }
  checkMetadata(costs, ledger.metadataKeys);
  const query = { ...windowOf(costs, nowMs()), filter: costFilter(costs, asker.principal), limit: PAGE };
  let after: string | undefined;
  do {
    const next: AttemptQuery = { ...query, ...(after !== undefined && { after }) };
    const page: AttemptPage = await askLedger(asker, () => ledger.attempts(next));
    if (page.attempts.length > 0 || after === undefined) {
      yield [create(ExportCostsResponseSchema, { attempts: page.attempts.map(recordOf) })];
    }
    after = page.next;
  } while (after !== undefined);
}

function recordOf({ startedAtMs, endedAtMs, ...attempt }: SettledAttempt): AttemptRecord {
  return create(AttemptRecordSchema, {
    ...attempt,
    startTime: timestampFromMs(startedAtMs),
    endTime: timestampFromMs(endedAtMs),
  });
}
