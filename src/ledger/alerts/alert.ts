import { createHash } from "node:crypto";
import type { AlertSettings } from "../../alert.ts";
import { formatUsd } from "../../contract/money.ts";
import { type Limit, limitId } from "../../limit.ts";
import type { Standing } from "../budgets/counter-store.ts";
import type { Window } from "../budgets/windows.ts";

/** One alert, as it is kept until it has been sent, and after that until its window is long over. */
export interface Alert {
  /** The same for the same receiver, budget and amount, subject, window and threshold. */
  readonly id: string;
  readonly url: string;
  /** What is sent, JSON. */
  readonly payload: string;
  readonly isSent: boolean;
  /** Absent of one that an earlier version has kept, whose id is that of any amount. */
  readonly isOfAmount?: true;
  /** When its window ends, milliseconds since the epoch; absent if it does not. */
  readonly windowEndMs?: number;
}

/** The thresholds of one receiver that a standing has reached; none if it is not told of such budgets. */
export function reachedBy(
  { thresholds, scope, name }: AlertSettings,
  { limit, subject, settled }: Standing,
): readonly number[] {
  const isTold =
    (scope === undefined || scope === limit.scope) && (name === undefined || name === nameIn(limit, subject));
  if (!isTold || limit.amount === 0n || limit.window === "now") return [];
  return thresholds.filter((threshold) => settled * 100n >= limit.amount * BigInt(threshold));
}

/**
 * The id of an alert: of what it is about, so that whoever finds out again, after a restart too, finds the same. Another amount has alerts of its own: a
 * budget that is topped up reaches its thresholds anew.
 */
export function alertId(url: string, { limit, subject }: Standing, window: Window, threshold: number): string {
  const about = JSON.stringify([url, limitId(limit), subject, window.startMs, threshold]);
  return idOfAmount(`alert_${hashOf(about)}`, amountText(limit, limit.amount));
}

/** The id that an alert would have by now: its own, unless an earlier version has kept it, whose ids had no amount in them. */
export function currentId({ id, payload, isOfAmount }: Alert): string {
  if (isOfAmount === true) return id;
  try {
    return idOfAmount(id, String(JSON.parse(payload).budget.amount));
  } catch {
    return id;
  }
}

function idOfAmount(id: string, amount: string): string {
  return `alert_${hashOf(JSON.stringify([id, amount]))}`;
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

/** What is sent of an alert. Amounts are text: dollars, or whole tokens or calls. */
export function alertPayload(
  id: string,
  { limit, subject, settled }: Standing,
  { startMs, endMs }: Window,
  threshold: number,
  nowMs: number,
): string {
  return JSON.stringify({
    id,
    type: "budget.threshold_reached",
    created_at: new Date(nowMs).toISOString(),
    threshold_percent: threshold,
    budget: {
      scope: limit.scope,
      name: nameIn(limit, subject),
      ...(limit.tenant !== undefined && { tenant: limit.tenant }),
      window: limit.window,
      unit: limit.unit,
      mode: limit.mode,
      amount: amountText(limit, limit.amount),
    },
    used: amountText(limit, settled),
    percent_used: Number((settled * 100n) / limit.amount),
    ...(endMs !== undefined && {
      window_start: new Date(startMs).toISOString(),
      window_end: new Date(endMs).toISOString(),
    }),
  });
}

function amountText({ unit }: Limit, value: bigint): string {
  return unit === "usd" ? formatUsd(value) : value.toString();
}

/** An end user is counted with its tenant. */
function nameIn({ scope }: Limit, subject: string): string {
  return scope === "end_user" ? subject.slice(subject.indexOf("/") + 1) : subject;
}
