import { ExecutionError } from "../../errors.ts";
import { Role } from "../../gen/execution/v1/options_pb.js";
import type { BudgetEntry } from "../../ledger/budgets/book.ts";
import { type Limit, limitId } from "../../limit.ts";
import type { Principal } from "../call.ts";
import type { RoutingState } from "../resolve.ts";

/** The tenant whose calls alone a limit counts; undefined if those of others may be among them. */
export function tenantOf({ scope, value, tenant }: Limit, { config }: RoutingState): string | undefined {
  if (tenant !== undefined) return tenant;
  if (scope === "tenant") return value;
  return scope === "key" ? config.keys.find(({ name }) => name === value)?.tenant : undefined;
}

/**
 * The budget that counts the same as a limit; undefined if there is none. Earlier versions kept a key's budget with the name of its tenant or without, so that
 * there may be two: then the one that is the principal's to change, and of those the one in force.
 */
export function alike(
  entries: readonly BudgetEntry[],
  limit: Limit,
  { roles }: Principal,
  state: RoutingState,
): BudgetEntry | undefined {
  const shown = (of: Limit): string => {
    const tenant = tenantOf(of, state);
    return limitId(tenant === undefined ? of : { ...of, tenant });
  };
  const wanted = shown(limit);
  const isPlatforms = roles.includes(Role.PLATFORM_ADMIN);
  const rank = (entry: BudgetEntry): number =>
    (entry.isPlatforms === isPlatforms ? 2 : 0) + (entry.isOverridden ? 0 : 1);
  return entries.filter((entry) => shown(entry.limit) === wanted).toSorted((one, other) => rank(other) - rank(one))[0];
}

/** True for those who see all tenants. Where there are no keys, whoever reaches the admin listener is the one who runs the process. */
export function seesAll({ roles }: Principal, { config }: RoutingState): boolean {
  return roles.includes(Role.PLATFORM_ADMIN) || config.keys.length === 0;
}

/** True if somebody may see a budget: one of its own tenant, and one that each tenant has. */
export function maySee(principal: Principal, { limit }: BudgetEntry, state: RoutingState): boolean {
  if (seesAll(principal, state)) return true;
  const isOfEachTenant = limit.scope === "tenant" && limit.value === undefined && limit.tenant === undefined;
  return isOfEachTenant || tenantOf(limit, state) === principal.tenant;
}

/** Throws SCOPE_DENIED if somebody may not change a budget that it sees. */
export function checkMayChange(principal: Principal, { limit, isPlatforms }: BudgetEntry, state: RoutingState): void {
  if (principal.roles.includes(Role.PLATFORM_ADMIN)) return;
  if (tenantOf(limit, state) === principal.tenant && !isPlatforms) return;
  throw new ExecutionError("SCOPE_DENIED", "this budget is the platform's; the role platform_admin may change it");
}

/** The one tenant that somebody asks about; undefined for all. Throws SCOPE_DENIED if it is not one's own. */
export function askedTenant(asked: string, principal: Principal, state: RoutingState): string | undefined {
  if (seesAll(principal, state)) return asked === "" ? undefined : asked;
  if (asked === "" || asked === principal.tenant) return principal.tenant;
  throw new ExecutionError("SCOPE_DENIED", "this key may see and change its own tenant's budgets only");
}
