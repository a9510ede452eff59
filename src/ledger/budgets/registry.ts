import { type Limit, type LimitScope, limitId } from "../../limit.ts";
import type { CounterName } from "./counter-store.ts";

/** Who uses something. An attempt has a provider and a model, a call has none yet. */
export interface Subject {
  readonly tenant: string;
  readonly key: string;
  readonly persona: string;
  /** Empty if the request names none; those of a tenant that name none are one end user. */
  readonly endUserId: string;
  /** Name of the instance. */
  readonly provider?: string;
  /** In the provider's own word. */
  readonly model?: string;
}

/** The limits in force. They may be changed at any time; what runs keeps what it has reserved. */
export interface LimitRegistry {
  isEmpty(): boolean;
  all(): readonly Limit[];
  /** Puts other limits in force. One that stays, be it with another amount, goes on counting where it is. */
  replace(limits: readonly Limit[]): void;
  /** The counters of whatever is in force for somebody: by name, and those that each has for itself. */
  countersOf(subject: Subject): readonly CounterName[];
}

/** Creates a registry with some limits. Of two with the same id the last one holds. */
export function createLimitRegistry(limits: readonly Limit[] = []): LimitRegistry {
  let inForce: readonly Limit[] = [];
  let byName = new Map<string, Limit[]>();
  let scopes: readonly LimitScope[] = [];
  const replace = (wanted: readonly Limit[]): void => {
    inForce = [...new Map(wanted.map((limit) => [limitId(limit), limit])).values()];
    byName = Map.groupBy(inForce, ({ scope, value }) => nameOf(scope, value));
    scopes = [...new Set(inForce.map(({ scope }) => scope))];
  };
  replace(limits);
  return {
    isEmpty: () => inForce.length === 0,
    all: () => inForce,
    replace,
    countersOf: (subject) =>
      scopes.flatMap((scope) => {
        const value = usedBy(scope, subject);
        if (value === undefined) return [];
        const found = [...(byName.get(nameOf(scope, value)) ?? []), ...(byName.get(nameOf(scope, undefined)) ?? [])];
        return found
          .filter((limit) => limit.tenant === undefined || limit.tenant === subject.tenant)
          .map((limit) => ({ limit, subject: counted(scope, value, subject.tenant) }));
      }),
  };
}

/** How a scope is called where somebody is told of it: `persona:reviewer/day`. */
export function scopeLabel({ limit, subject }: CounterName): string {
  const value = limit.scope === "end_user" ? subject.slice(subject.indexOf("/") + 1) : subject;
  return `${limit.scope}:${value}/${limit.window}`;
}

/** How a scope is called in a sentence: its label, and in words whose it is if the end user has no name. */
export function scopeText(name: CounterName): string {
  const { limit, subject } = name;
  const isNobody = limit.scope === "end_user" && subject.indexOf("/") === subject.length - 1;
  return isNobody ? `${scopeLabel(name)} (calls that name no end user)` : scopeLabel(name);
}

function usedBy(scope: LimitScope, subject: Subject): string | undefined {
  return scope === "end_user" ? subject.endUserId : subject[scope];
}

/**
 * Whose use the one counter of a limit counts; undefined if it has none: each of its scope has one, or (of an end user) each tenant.
 *
 * @param asker the tenant that asks: where each tenant has a counter, its own.
 */
export function soleSubject({ scope, value, tenant }: Limit, asker?: string): string | undefined {
  if (scope === "tenant") return value ?? asker;
  if (value === undefined) return undefined;
  if (scope !== "end_user") return value;
  return tenant === undefined ? undefined : counted(scope, value, tenant);
}

/** An end user is its tenant's own: another tenant's of the same name is somebody else. Names of tenants have no slash. */
function counted(scope: LimitScope, value: string, tenant: string): string {
  return scope === "end_user" ? `${tenant}/${value}` : value;
}

function nameOf(scope: LimitScope, value: string | undefined): string {
  return value === undefined ? scope : `${scope}:${value}`;
}
