import { LIMIT_MODES, LIMIT_SCOPES, LIMIT_UNITS, LIMIT_WINDOWS, type Limit, MAX_LIMIT_AMOUNT } from "../../limit.ts";
import { LedgerOpenError } from "../open-error.ts";
import type { KeptRecord } from "../records.ts";

/** What the records of budgets are. */
export const BUDGETS = "budget";

/** What is kept of a budget beside its id, version and author. */
export interface KeptBudget {
  readonly limit: Limit;
  readonly description: string;
  readonly isPlatforms: boolean;
}

/** A budget as its record has it. */
export function budgetBody(limit: Limit, { description, isPlatforms }: Omit<KeptBudget, "limit">): string {
  return JSON.stringify({ ...limit, amount: limit.amount.toString(), description, isPlatforms });
}

/** Reads a record. Throws a LedgerOpenError if it is none of a budget: to leave it out would open what it closes. */
export function readBudget({ id, body }: Pick<KeptRecord, "id" | "body">): KeptBudget {
  const fields = parse(body);
  const { value, tenant, amount, description, isPlatforms } = fields;
  const [scope, window, unit, mode] = [
    oneOf(LIMIT_SCOPES, fields.scope),
    oneOf(LIMIT_WINDOWS, fields.window),
    oneOf(LIMIT_UNITS, fields.unit),
    oneOf(LIMIT_MODES, fields.mode),
  ];
  const isWhole = typeof amount === "string" && /^\d{1,19}$/.test(amount) && BigInt(amount) <= MAX_LIMIT_AMOUNT;
  if (scope === undefined || window === undefined || unit === undefined || mode === undefined || !isWhole) {
    throw new LedgerOpenError(`the budget ${id} of the ledger cannot be read; restore a backup`);
  }
  const limit: Limit = {
    scope,
    ...(typeof value === "string" && { value }),
    ...(typeof tenant === "string" && { tenant }),
    window,
    unit,
    amount: BigInt(amount),
    mode,
  };
  return { limit, description: typeof description === "string" ? description : "", isPlatforms: isPlatforms === true };
}

function parse(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function oneOf<Word extends string>(words: readonly Word[], value: unknown): Word | undefined {
  return words.find((word) => word === value);
}
