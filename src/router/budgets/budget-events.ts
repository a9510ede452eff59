import { type ChatEvent, chatEvent, warning } from "../../contract/events.ts";
import { Role } from "../../gen/execution/v1/options_pb.js";
import type { Standing } from "../../ledger/budgets/counter-store.ts";
import { percentOf } from "../../ledger/budgets/percent.ts";
import { scopeLabel, scopeText } from "../../ledger/budgets/registry.ts";
import type { LimitScope } from "../../limit.ts";
import type { Principal } from "../call.ts";

/** Share of a budget, in percent, from which on those who use it are told. */
const TELLING_PERCENT = 80n;

/** True if a budget is nearly used up, by what was used for certain. */
export function isNearlyUsed({ limit, settled }: Standing, used = 0n): boolean {
  return (settled - used) * 100n >= limit.amount * TELLING_PERCENT;
}

/** What a caller is told of a budget: one that is nearly used up or, if `cut`, one that ended its call, where what runs counts too. */
export function budgetEvent(standing: Standing, principal: Principal, cut: boolean): ChatEvent {
  const { limit, settled, reserved } = standing;
  const used = cut ? settled + reserved : settled;
  const isShown = limit.unit === "usd" && maySee(principal, limit.scope);
  return chatEvent({
    case: "budget",
    value: {
      $typeName: "execution.v1.BudgetEvent",
      scope: scopeLabel(standing),
      percentUsed: percentOf(used, limit.amount),
      cut,
      ...(isShown && { limitNanoUsd: limit.amount, usedNanoUsd: used }),
    },
  });
}

/** What a caller is told who goes beyond a soft limit. */
export function softWarning(standing: Standing): ChatEvent {
  const text = `${scopeText(standing)} is exceeded; the call goes on, since the limit is a soft one`;
  return warning("SOFT_LIMIT_EXCEEDED", "", text);
}

/** A key sees the amounts of what is its own; those of its tenant are for who reads the tenant's costs, those that tenants share for the platform's. */
function maySee({ roles }: Principal, scope: LimitScope): boolean {
  if (scope === "key" || scope === "end_user") return true;
  if (roles.includes(Role.PLATFORM_ADMIN)) return true;
  return scope === "tenant" && (roles.includes(Role.VIEWER) || roles.includes(Role.TENANT_ADMIN));
}
