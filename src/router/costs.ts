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
import type { CostFilter, CostGroup, CostQuery, CostSums, LedgerStore } from "../ledger/store.ts";
import type { Principal } from "./call.ts";
import { readPageToken, writePageToken } from "./cost-page.ts";
import { windowOf } from "./cost-window.ts";
import type { Asker, AskLedger } from "./ledger-turns.ts";

/** Groups of a page, unless the request says how many. */
const defaultPageSize = 1000;

/** Most groups of all pages together: the ledger finds and sorts all of them for each page, while others wait. */
const maxGroups = 200_000;

/** What costs are told from. */
export interface CostDeps {
  readonly ledger: LedgerStore;
  readonly askLedger: AskLedger;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
}

/**
 * Says what was used and what it cost. A key sees its own rows; with the role viewer or tenant_admin those of its tenant, with platform_admin all.
 * Throws SCOPE_DENIED for a key or tenant beyond that, and INVALID_FIELD for a window that is none, a dimension that is asked for twice, and a
 * page token that is not of this request, for metadata that the ledger does not keep apart, and for more than 200,000 groups. What it asks the ledger has its turn, and rejects, as
 * `askLedger` says.
 */
export async function describeCosts(
  { ledger, askLedger, nowMs }: CostDeps,
  request: CostsRequest,
  asker: Asker,
): Promise<CostsResponse> {
  const asOfMs = nowMs();
  const filter = costFilter(request, asker.principal);
  checkDimensions(request.groupBy);
  checkMetadata(request, ledger.metadataKeys);
  const page = request.pageToken === "" ? undefined : readPageToken(request, filter);
  const window = page ?? windowOf(request, asOfMs);
  const query: CostQuery = {
    ...window,
    groupBy: request.groupBy,
    metadataKey: request.metadataKey,
    filter,
    limit: request.pageSize ?? defaultPageSize,
    maxGroups,
    ...(page === undefined ? {} : { after: page.after }),
  };
  const answer = await askLedger(asker, () => ledger.costs(query));
  if (answer.isTooLarge === true) {
    const most = maxGroups.toLocaleString("en");
    refuse("group_by", `makes more than ${most} groups; ask for a shorter window, longer periods or fewer dimensions`);
  }
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
function filterOf({ tenant, key, persona, provider, model, endUserId, metadata }: CostsRequest): CostFilter {
  const named = Object.entries({ tenant, key, persona, provider, model, endUserId });
  // In order, so that the next page may name them in another one.
  const pairs = Object.entries(metadata).sort();
  return {
    ...Object.fromEntries(named.filter(([, value]) => value !== "")),
    ...(pairs.length === 0 ? {} : { metadata: Object.fromEntries(pairs) }),
  };
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
    refuse(field, `is ${CostDimension[dimension]} a second time`);
  });
}

/** Throws INVALID_FIELD for metadata that sums are not kept apart by, whose costs would all seem to be nobody's. */
export function checkMetadata(
  { groupBy, metadataKey, metadata }: Pick<CostsRequest, "groupBy" | "metadataKey" | "metadata">,
  declared: readonly string[],
): void {
  const isGrouped = groupBy.includes(CostDimension.METADATA);
  if (isGrouped && metadataKey === "") refuse("metadata_key", "must name the metadata to group by");
  if (!isGrouped && metadataKey !== "") refuse("metadata_key", "has no use unless group_by has METADATA");
  if (isGrouped && !declared.includes(metadataKey)) refuse("metadata_key", "is not declared in ledger.metadata_keys");
  const unknown = Object.keys(metadata).find((name) => !declared.includes(name));
  if (unknown !== undefined) refuse("metadata", "has a name that is not declared in ledger.metadata_keys");
}

function refuse(field: string, description: string): never {
  throw new ExecutionError("INVALID_FIELD", `${field} ${description}`, { fields: [{ field, description }] });
}

function rowOf({ group, ...sums }: CostGroup | (CostSums & { readonly group: readonly string[] })): CostRow {
  return create(CostRowSchema, { group: [...group], ...sums });
}
