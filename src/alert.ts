import type { LimitScope } from "./limit.ts";
import type { Secret } from "./secret.ts";

/** Who is told when budgets reach shares of their amounts. */
export interface AlertSettings {
  /** Where to; whoever may change the configuration chooses it, and nobody else. */
  readonly url: string;
  /** What the alerts are signed with. */
  readonly secret: Secret;
  /** Percent of the amount, each once, in order. */
  readonly thresholds: readonly number[];
  /** Only of budgets of this scope. Absent: of all. */
  readonly scope?: LimitScope;
  /** Only of what this tenant, key, persona ... uses. Absent: of all. */
  readonly name?: string;
  /** Whether the receiver may have an address of this machine or of a private network. */
  readonly allowPrivate: boolean;
}
