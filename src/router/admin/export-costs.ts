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
import type { SettledAttempt } from "../../ledger/store.ts";
import type { Principal } from "../call.ts";
import { windowOf } from "../cost-window.ts";
import { checkMetadata, costFilter, describeCosts } from "../costs.ts";
import type { AdminDeps } from "./deps.ts";

/** Groups or attempts that are held at once. */
const PAGE = 1_000;

/** Gives all groups or attempts of a request, a page at a time. Throws as `describeCosts` does, and INVALID_FIELD for groups of attempts. */
export async function* exportCosts(
  deps: Pick<AdminDeps, "ledger" | "nowMs">,
  { costs = create(CostsRequestSchema), attempts }: ExportCostsRequest,
  principal: Principal,
): AsyncGenerator<readonly ExportCostsResponse[]> {
  if (attempts) yield* exportAttempts(deps, costs, principal);
  else yield* exportGroups(deps, costs, principal);
}

async function* exportGroups(
  deps: Pick<AdminDeps, "ledger" | "nowMs">,
  costs: CostsRequest,
  principal: Principal,
): AsyncGenerator<readonly ExportCostsResponse[]> {
  let pageToken = "";
  do {
    const page = await describeCosts(deps, { ...costs, pageToken, pageSize: PAGE }, principal);
    yield [create(ExportCostsResponseSchema, { rows: page.rows })];
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

async function* exportAttempts(
  { ledger, nowMs }: Pick<AdminDeps, "ledger" | "nowMs">,
  costs: CostsRequest,
  principal: Principal,
): AsyncGenerator<readonly ExportCostsResponse[]> {
  if (costs.groupBy.length > 0) {
    const [field, description] = ["costs.group_by", "must be empty where attempts are asked for"];
    throw new ExecutionError("INVALID_FIELD", `${field} ${description}`, { fields: [{ field, description }] });
  }
  checkMetadata(costs, ledger.metadataKeys);
  const query = { ...windowOf(costs, nowMs()), filter: costFilter(costs, principal), limit: PAGE };
  let after: bigint | undefined = 0n;
  while (after !== undefined) {
    const page = await ledger.attempts({ ...query, after });
    if (page.attempts.length > 0 || after === 0n) {
      yield [create(ExportCostsResponseSchema, { attempts: page.attempts.map(recordOf) })];
    }
    after = page.next;
  }
}

function recordOf({ startedAtMs, endedAtMs, ...attempt }: SettledAttempt): AttemptRecord {
  return create(AttemptRecordSchema, {
    ...attempt,
    startTime: timestampFromMs(startedAtMs),
    endTime: timestampFromMs(endedAtMs),
  });
}
