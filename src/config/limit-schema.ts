import { parseUsd } from "../contract/money.ts";
import {
  LIMIT_MODES,
  LIMIT_SCOPES,
  LIMIT_UNITS,
  type LimitUnit,
  type LimitWindow,
  MAX_LIMIT_AMOUNT,
} from "../limit.ts";
import { defaulted, mapping, object, optional, Refusal, required, single, type Type } from "./reader.ts";
import { oneOf, text } from "./values.ts";

/** What a key of `limits` counts, and for how long. */
export interface LimitKey {
  readonly unit: LimitUnit;
  readonly window: LimitWindow;
}

const MAX_USD = MAX_LIMIT_AMOUNT / 1_000_000_000n;

/** An amount whose unit stands beside it. */
const amount: Type<string> = single("amount", { type: ["number", "string"] }, (value, { written }) =>
  typeof value === "boolean" ? new Refusal("must be a number") : written,
);

/** Of any length, so that one that is too large is told so. */
function parseCount(written: string): bigint | undefined {
  return /^\d+$/.test(written) ? BigInt(written) : undefined;
}

/** An amount of US dollars, read to nano-USD. */
export const usd: Type<bigint> = single("amount in USD", { type: ["number", "string"] }, (value, { written }) =>
  typeof value === "boolean" ? new Refusal("must be a number") : readAmount("usd", written),
);

/** Reads an amount of a unit. A Refusal says what is wrong with it. */
export function readAmount(unit: LimitUnit, written: string): bigint | Refusal {
  const found = unit === "usd" ? parseUsd(written) : parseCount(written);
  if (found === undefined) {
    return new Refusal(`must be a ${unit === "usd" ? "number" : "whole number"} of ${unit} that is not negative`);
  }
  return found <= MAX_LIMIT_AMOUNT
    ? found
    : new Refusal(`must be at most ${unit === "usd" ? MAX_USD : MAX_LIMIT_AMOUNT}`);
}

const WINDOWS = ["minute", "hour", "day", "month"] as const;

/** The keys of `limits`: `usd_per_day`, `requests_per_minute`, `tokens_total` ..., `concurrent`. */
export const LIMIT_KEYS: ReadonlyMap<string, LimitKey> = new Map<string, LimitKey>([
  ...(["usd", "tokens", "requests"] as const).flatMap((unit): [string, LimitKey][] => [
    ...WINDOWS.map((window): [string, LimitKey] => [`${unit}_per_${window}`, { unit, window }]),
    [`${unit}_total`, { unit, window: "total" }],
  ]),
  ["concurrent", { unit: "concurrent", window: "now" }],
]);

const written = mapping("LIMIT", oneOf([...LIMIT_KEYS.keys()]), amount);

/** What whoever has them may use: amounts by key, all hard. */
export const limitsOf: Type<ReadonlyMap<string, bigint>> = {
  ...written,
  read: (tree, path, context) => {
    const read = [...(written.read(tree, path, context) ?? [])].flatMap(([key, text]): [string, bigint][] => {
      const found = readAmount(LIMIT_KEYS.get(key)?.unit ?? "requests", text);
      if (!(found instanceof Refusal)) return [[key, found]];
      context.problem([...path, key], found.message);
      return [];
    });
    return new Map(read);
  },
};

/** A field of limits; `doc` says of whose use. */
export function limitsField(doc: string) {
  return optional(
    limitsOf,
    `${doc} Amounts by key: \`usd\`, \`tokens\` or \`requests\`, with \`_per_minute\`, \`_per_hour\`, \`_per_day\`, \`_per_month\` or \`_total\`; and \`concurrent\`.`,
  );
}

/** An entry of `budgets`. */
export const budget = object({
  scope: required(oneOf(LIMIT_SCOPES), "Whose use it counts."),
  name: optional(text(256), "Whose. Without it each has the amount for itself."),
  unit: defaulted(oneOf(LIMIT_UNITS), "usd", "What it counts: US dollars, tokens, calls, or calls at once."),
  amount: required(amount, "How much: `2.50`."),
  window: optional(
    oneOf([...WINDOWS, "total"]),
    "Time after which it counts anew, by UTC; `total` never does. Not for `concurrent`, and needed for everything else.",
  ),
  mode: defaulted(
    oneOf(LIMIT_MODES),
    "hard",
    "`hard` refuses and cuts what goes beyond; `soft` tells the caller; `shadow` is only counted and logged.",
  ),
});
