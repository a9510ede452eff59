import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ExecutionError } from "../../errors.ts";
import {
  type Budget,
  BudgetSchema,
  BudgetSource,
  type BudgetStanding,
  BudgetStandingSchema,
} from "../../gen/execution/v1/budgets_pb.js";
import type { BudgetEntry } from "../../ledger/budgets/book.ts";
import { percentOf } from "../../ledger/budgets/percent.ts";
import { soleSubject } from "../../ledger/budgets/registry.ts";
import { windowAt } from "../../ledger/budgets/windows.ts";
import type { Principal } from "../call.ts";
import { tenantOf } from "./budget-access.ts";
import { MODES, SCOPES, UNITS, WINDOWS } from "./budget-words.ts";
import type { AdminDeps } from "./deps.ts";

type MessageDeps = Pick<AdminDeps, "state" | "counters">;

/** A budget as the contract shows it to somebody, with how it stands. */
export async function budgetMessage(deps: MessageDeps, entry: BudgetEntry, principal: Principal): Promise<Budget> {
  const { id, version, limit, description, changed, isOverridden, isPlatforms } = entry;
  const standing = isOverridden ? undefined : await standingOf(deps, entry, principal);
  return create(BudgetSchema, {
    budgetId: id,
    version: BigInt(version),
    source: changed === undefined ? BudgetSource.CONFIGURATION : BudgetSource.RUNTIME,
    tenant: tenantOf(limit, deps.state()) ?? "",
    scope: SCOPES[limit.scope],
    value: limit.value ?? "",
    window: WINDOWS[limit.window],
    unit: UNITS[limit.unit],
    amount: limit.amount,
    mode: MODES[limit.mode],
    description,
    ...(changed !== undefined && { updateTime: timestampFromMs(changed.atMs), updatedBy: changed.by }),
    overridden: isOverridden,
    platformManaged: isPlatforms,
    ...(standing !== undefined && { standing }),
  });
}

async function standingOf(
  { counters }: MessageDeps,
  { limit }: BudgetEntry,
  { tenant }: Principal,
): Promise<BudgetStanding | undefined> {
  const subject = soleSubject(limit, tenant);
  if (subject === undefined) return undefined;
  const counted = await counters.peek({ limit, subject }).catch(ifUnreachable);
  if (counted === undefined) return undefined;
  const { windowStartMs, settled, reserved } = counted;
  const { startMs, endMs } = windowAt(limit.window, windowStartMs);
  return create(BudgetStandingSchema, {
    subject,
    used: settled,
    reserved,
    percentUsed: percentOf(settled, limit.amount),
    ...(endMs !== undefined && { windowStartTime: timestampFromMs(startMs), windowEndTime: timestampFromMs(endMs) }),
  });
}

/** What a budget is does not depend on who counts it: it is shown, and a change of it that was made is told as made. */
function ifUnreachable(thrown: unknown): undefined {
  if (!(thrown instanceof ExecutionError && thrown.reason === "LEDGER_UNAVAILABLE")) throw thrown;
}
