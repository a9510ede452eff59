/** Whose use a limit counts. The end user is the caller's own word, and so belongs to its tenant. */
export const LIMIT_SCOPES = ["tenant", "key", "persona", "provider", "model", "end_user"] as const;

/** Time after which a limit counts anew, by UTC; `total` never does. `now` counts what runs at this moment. */
export const LIMIT_WINDOWS = ["minute", "hour", "day", "month", "total", "now"] as const;

/** What a limit counts: nano-USD, tokens in and out, calls, or calls at once (of a provider or model: attempts). */
export const LIMIT_UNITS = ["usd", "tokens", "requests", "concurrent"] as const;

/** What comes of a limit that is reached: what goes beyond is refused, is told, or is only counted and logged. */
export const LIMIT_MODES = ["hard", "soft", "shadow"] as const;

export type LimitScope = (typeof LIMIT_SCOPES)[number];
export type LimitWindow = (typeof LIMIT_WINDOWS)[number];
export type LimitUnit = (typeof LIMIT_UNITS)[number];
export type LimitMode = (typeof LIMIT_MODES)[number];

/** A budget or a rate: how much somebody may use in a window. */
export interface Limit {
  readonly scope: LimitScope;
  /** Whose: a name of the scope's kind. Absent: each has the amount for itself. */
  readonly value?: string;
  /** The tenant whose calls alone it counts. Absent: those of all. */
  readonly tenant?: string;
  /** `now` for `concurrent`, and for nothing else. */
  readonly window: LimitWindow;
  readonly unit: LimitUnit;
  /** In nano-USD where the unit is `usd`. At most MAX_LIMIT_AMOUNT. */
  readonly amount: bigint;
  readonly mode: LimitMode;
}

/** Largest amount of a limit, 9,000,000 USD or so many tokens: a double holds it exactly, and so the server that processes share does. */
export const MAX_LIMIT_AMOUNT = 9_000_000n * 1_000_000_000n;

/** How a log calls a limit: by its id, without the name of an end user, who is a person. */
export function loggedLimit(limit: Limit): string {
  if (limit.scope !== "end_user") return limitId(limit);
  const { value: _whose, ...others } = limit;
  return limitId(others);
}

/** What a limit is, whatever its amount: two with the same id are the same limit. */
export function limitId({ scope, value, tenant, window, unit, mode }: Limit): string {
  return JSON.stringify([scope, value ?? null, window, unit, mode, ...(tenant === undefined ? [] : [tenant])]);
}
