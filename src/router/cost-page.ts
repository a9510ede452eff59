import { createHash } from "node:crypto";
import { ExecutionError } from "../errors.ts";
import type { CostsRequest } from "../gen/execution/v1/costs_pb.js";
import type { CostFilter, CostPosition } from "../ledger/store.ts";
import type { CostWindow } from "./cost-window.ts";

/** Where a listing of costs goes on: its window, which does not move from page to page, and the last group of the page before. */
export interface CostPage extends CostWindow {
  readonly after: CostPosition;
}

/** Writes the token of the next page. It holds nothing its reader has not been told, and opens nothing: the scope is checked on every page. */
export function writePageToken(
  request: CostsRequest,
  filter: CostFilter,
  { startMs, endMs }: CostWindow,
  { costNanoUsd, group }: CostPosition,
): string {
  const token = [fingerprint(request, filter), startMs, endMs, costNanoUsd.toString(), group];
  return Buffer.from(JSON.stringify(token), "utf8").toString("base64url");
}

/** Reads the token of a page. Throws INVALID_FIELD if it is none, or of a request that asks for something else. */
export function readPageToken(request: CostsRequest, filter: CostFilter): CostPage {
  const token = parse(request.pageToken);
  if (!Array.isArray(token)) return refuse("is not a token of this service");
  const [of, startMs, endMs, cost, group] = token as readonly unknown[];
  const isWhole = Number.isSafeInteger(startMs) && Number.isSafeInteger(endMs) && typeof cost === "string";
  if (!(isWhole && /^-?\d{1,30}$/.test(cost) && isGroup(group, request.groupBy.length))) {
    return refuse("is not a token of this service");
  }
  if (of !== fingerprint(request, filter)) {
    return refuse("is of another request; all pages of a listing take the same fields but page_size and page_token");
  }
  return { startMs: Number(startMs), endMs: Number(endMs), after: { costNanoUsd: BigInt(cost), group } };
}

function isGroup(value: unknown, length: number): value is readonly string[] {
  return Array.isArray(value) && value.length === length && value.every((entry) => typeof entry === "string");
}

/** Tells one request from another, whoever makes it. */
function fingerprint({ startTime, endTime, groupBy, metadataKey }: CostsRequest, filter: CostFilter): string {
  const times = [startTime, endTime].map((time) => (time === undefined ? "" : `${time.seconds}.${time.nanos}`));
  const asked = JSON.stringify([times, groupBy, metadataKey, Object.entries(filter).sort()]);
  return createHash("sha256").update(asked).digest("base64url").slice(0, 16);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}

function refuse(description: string): never {
  const field = "page_token";
  throw new ExecutionError("INVALID_FIELD", `${field} ${description}`, { fields: [{ field, description }] });
}
