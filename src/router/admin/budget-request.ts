import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { ExecutionError } from "../../errors.ts";
import { type Budget, BudgetMode } from "../../gen/execution/v1/budgets_pb.js";
import { Role } from "../../gen/execution/v1/options_pb.js";
import type { BudgetEntry } from "../../ledger/budgets/book.ts";
import type { Limit } from "../../limit.ts";
import type { Principal } from "../call.ts";
import type { RoutingState } from "../resolve.ts";
import { askedTenant, tenantOf } from "./budget-access.ts";
import { MODES, SCOPES, UNITS, WINDOWS, wordOf } from "./budget-words.ts";

/**
 * Reads what a budget is to be. Throws INVALID_FIELD for what is missing or does not go together, and SCOPE_DENIED for one that counts calls of others
 * than the principal's tenant, unless that is a platform admin.
 */
export function readNewBudget(budget: Budget, principal: Principal, state: RoutingState): Limit {
  const isPlatforms = principal.roles.includes(Role.PLATFORM_ADMIN);
  const tenant = knownTenant("tenant", askedTenant(budget.tenant, principal, state), state);
  const scope = wordOf(SCOPES, budget.scope) ?? refuse("scope", "must be said");
  const window = wordOf(WINDOWS, budget.window) ?? refuse("window", "must be said");
  const unit = wordOf(UNITS, budget.unit) ?? refuse("unit", "must be said");
  const mode = wordOf(MODES, budget.mode) ?? "hard";
  if ((unit === "concurrent") !== (window === "now")) {
    refuse("window", "must be BUDGET_WINDOW_NOW for calls at once, and for nothing else");
  }
  const terms = { window, unit, amount: budget.amount, mode };
  const value = budget.value === "" ? undefined : budget.value;
  if (scope === "tenant") {
    const whose = knownTenant("value", value, state) ?? tenant;
    if (tenant !== undefined && whose !== tenant) refuse("value", "must be the tenant of the budget, or nothing");
    return { scope, ...(whose !== undefined && { value: whose }), ...terms };
  }
  checkName(scope, value, { tenant, isPlatforms }, state);
  // A key has one tenant: with or without its name the same calls are counted.
  if (scope === "key" && value !== undefined) return { scope, value, ...terms };
  return { scope, ...(value !== undefined && { value }), ...(tenant !== undefined && { tenant }), ...terms };
}

/** Throws INVALID_FIELD if nobody is called so. */
function knownTenant(field: string, name: string | undefined, { config }: RoutingState): string | undefined {
  if (name === undefined || Object.hasOwn(config.tenants, name)) return name;
  if (config.keys.some(({ tenant }) => tenant === name)) return name;
  return refuse(field, "is no tenant that is configured or has a key");
}

/**
 * Throws INVALID_FIELD if a change does not say which version was read, or says otherwise of something that does not change. What it does not say of
 * that it does not change.
 */
export function checkUnchanged(budget: Budget, { limit }: BudgetEntry, state: RoutingState): void {
  if (budget.version === 0n) refuse("version", "must be the one that was read");
  const said = [
    ["tenant", budget.tenant, tenantOf(limit, state) ?? "", ""],
    ["scope", budget.scope, SCOPES[limit.scope], 0],
    ["value", budget.value, limit.value ?? "", ""],
    ["window", budget.window, WINDOWS[limit.window], 0],
    ["unit", budget.unit, UNITS[limit.unit], 0],
    ["mode", budget.mode, MODES[limit.mode], BudgetMode.UNSPECIFIED],
  ] as const;
  for (const [field, wanted, is, nothing] of said) {
    if (wanted !== nothing && wanted !== is)
      refuse(field, "does not change; create another budget, and delete this one");
  }
}

/** What of a budget changes. */
export type BudgetChange = Pick<Budget, "amount" | "description">;

/**
 * Reads what a budget is to have from now on: of what the mask names what the budget says, else what it has. Without a mask both are named, and INVALID_FIELD is
 * thrown for an amount of 0 that it has not: whoever left the amount out would let nothing through.
 */
export function readChange(
  { amount, description }: Budget,
  mask: FieldMask | undefined,
  { limit, description: present }: BudgetEntry,
): BudgetChange {
  const { paths = [] } = mask ?? {};
  if (paths.some((path) => path !== "amount" && path !== "description")) {
    const description = "must name amount, description or both";
    throw new ExecutionError("INVALID_FIELD", `update_mask ${description}`, {
      fields: [{ field: "update_mask", description }],
    });
  }
  if (paths.length > 0) {
    return {
      amount: paths.includes("amount") ? amount : limit.amount,
      description: paths.includes("description") ? description : present,
    };
  }
  if (amount === 0n && limit.amount !== 0n) {
    refuse("amount", "is 0, which allows nothing, or was left out; if it is to be 0, name it in update_mask");
  }
  return { amount, description };
}

/** A name that is nobody's would count nothing, and nobody would know. Who does not see all is not told what others have. */
function checkName(
  scope: Limit["scope"],
  value: string | undefined,
  { tenant, isPlatforms }: { readonly tenant: string | undefined; readonly isPlatforms: boolean },
  { config }: RoutingState,
): void {
  if (value === undefined) return;
  if (scope === "key") {
    const key = config.keys.find(({ name }) => name === value);
    if (key === undefined || (tenant !== undefined && key.tenant !== tenant)) {
      refuse("value", tenant === undefined ? "is no key" : "is no key of this tenant");
    }
  } else if (isPlatforms && scope === "persona" && !Object.hasOwn(config.personas, value)) {
    refuse("value", "is no persona");
  } else if (isPlatforms && scope === "provider" && !Object.hasOwn(config.providers, value)) {
    refuse("value", "is no provider instance");
  }
}

function refuse(name: string, description: string): never {
  const field = `budget.${name}`;
  throw new ExecutionError("INVALID_FIELD", `${field} ${description}`, { fields: [{ field, description }] });
}
