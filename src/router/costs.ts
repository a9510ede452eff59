import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ExecutionError } from "../errors.ts";
import {
  CostDimension,
  type CostRow,
  CostRowSchema,
  type CostsRequest,
  type CostsResponse,
  CostsResponseSchema,
} from "../gen/execution/v1/costs_pb.js";
import { Role } from "../gen/execution/v1/options_pb.js";
import type { CostFilter, CostGroup, CostSums, LedgerStore } from "../ledger/store.ts";
import type { Principal } from "./call.ts";
import { readPageToken, writePageToken } from "./cost-page.ts";
import { windowOf } from "./cost-window.ts";

/** Groups of a page, unless the request says how many. */
const defaultPageSize = 1000;

/**
 * Says what was used and what it cost. A key sees its own rows; with the role viewer or tenant_admin those of its tenant, with platform_admin all.
 * Throws SCOPE_DENIED for a key or tenant beyond that, and INVALID_FIELD for a window that is none, a dimension that is asked for twice, and a
 * page token that is not of this request.
 */
export async function describeCosts(
  { ledger, nowMs }: { readonly ledger: LedgerStore; readonly nowMs: () => number },
  request: CostsRequest,
  principal: Principal,
): Promise<CostsResponse> {
  const asOfMs = nowMs();
  const filter = costFilter(request, principal);
  checkDimensions(request.groupBy);
  const page = request.pageToken === "" ? undefined : readPageToken(request, filter);
  const window = page ?? windowOf(request, asOfMs);
  const answer = await ledger.costs({
    ...window,
    groupBy: request.groupBy,
    filter,
    limit: request.pageSize ?? defaultPageSize,
    ...(page === undefined ? {} : { after: page.after }),
  });
  const last = answer.groups.at(-1);
  return create(CostsResponseSchema, {
    rows: answer.groups.map(rowOf),
    total: rowOf({ ...answer.total, group: [] }),
    asOf: timestampFromMs(asOfMs),
    nextPageToken: answer.hasMore && last !== undefined ? writePageToken(request, filter, window, last) : "",
  });
}

/** The rows that a request asks for and its principal may see. Throws SCOPE_DENIED. */
export function costFilter(request: CostsRequest, principal: Principal): CostFilter {
  return { ...filterOf(request), ...scopeOf(request, principal) };
}

/** What the request itself narrows down to. */
function filterOf({ tenant, key, persona, provider, model, endUserId }: CostsRequest): CostFilter {
  const named = Object.entries({ tenant, key, persona, provider, model, endUserId });
  return Object.fromEntries(named.filter(([, value]) => value !== ""));
}

/** What the principal may see. */
function scopeOf(request: CostsRequest, { tenant, key, roles }: Principal): CostFilter {
  if (roles.includes(Role.PLATFORM_ADMIN)) return {};
  if (request.tenant !== "" && request.tenant !== tenant) {
    throw new ExecutionError("SCOPE_DENIED", "this key may see the costs of its own tenant only");
  }
  if (roles.includes(Role.TENANT_ADMIN) || roles.includes(Role.VIEWER)) return { tenant };
  if (request.key !== "" && request.key !== key) {
    throw new ExecutionError(
      "SCOPE_DENIED",
      "this key may see its own costs only; those of others need the role viewer",
    );
  }
  return { tenant, key };
}

function checkDimensions(groupBy: readonly CostDimension[]): void {
  groupBy.forEach((dimension, index) => {
    if (groupBy.indexOf(dimension) === index) return;
    const field = `group_by[${index}]`;
    const description = `is ${CostDimension[dimension]} a second time`;
    throw new ExecutionError("INVALID_FIELD", `${field} ${description}`, { fields: [{ field, description }] });
  });
}

function rowOf({ group, ...sums }: CostGroup | (CostSums & { readonly group: readonly string[] })): CostRow {
  return create(CostRowSchema, { group: [...group], ...sums });
}
