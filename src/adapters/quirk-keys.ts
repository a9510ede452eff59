import type { ProviderSettings, SettingsProblem } from "./adapter.ts";

/** What a key of the configuration's `quirks` sets, and the values it takes: one of these words, a list of them, or anything of a type. */
export interface QuirkKey<Quirks> {
  readonly field: keyof Quirks;
  readonly takes: "boolean" | "count" | "number" | "texts" | readonly string[];
  /** True if it takes a list of the words. */
  readonly list?: boolean;
  /** Fields of a provider's body that a list of texts must not hold, by their paths; nor what they are part of, nor parts of them. */
  readonly never?: readonly string[];
}

/** Keys of the configuration (`end_marker`) and what they set. */
export type QuirkKeys<Quirks> = Readonly<Record<string, QuirkKey<Quirks>>>;

type Configured = Readonly<Record<string, unknown>>;

/** The quirks an instance sets, and over them those its configuration sets for a model (the provider's word). Wrong ones are passed over. */
export function configuredQuirks<Quirks>(
  keys: QuirkKeys<Quirks>,
  { quirks, models }: ProviderSettings,
  model: string,
): Partial<Quirks> {
  const configured = Object.values(models).find(({ id }) => id === model);
  return { ...overrides(keys, quirks), ...overrides(keys, configured?.quirks ?? {}) };
}

function overrides<Quirks>(keys: QuirkKeys<Quirks>, quirks: Configured): Partial<Quirks> {
  const known = Object.entries(quirks).flatMap(([name, value]) => {
    const key = keyOf(keys, name);
    return key !== undefined && expectation(key, value) === undefined ? [[key.field, value] as const] : [];
  });
  return Object.fromEntries(known) as Partial<Quirks>;
}

/** What is wrong with quirks as they are configured at `path`, itself below the instance. */
export function quirkProblems<Quirks>(
  keys: QuirkKeys<Quirks>,
  quirks: Configured,
  path: readonly string[],
): readonly SettingsProblem[] {
  return Object.entries(quirks).flatMap(([name, value]) => {
    const key = keyOf(keys, name);
    const message =
      key === undefined ? `is not known; known are ${Object.keys(keys).join(", ")}` : expectation(key, value);
    return message === undefined ? [] : [{ path: [...path, name], message }];
  });
}

const keyOf = <Quirks>(keys: QuirkKeys<Quirks>, name: string): QuirkKey<Quirks> | undefined =>
  Object.hasOwn(keys, name) ? keys[name] : undefined;

/** What a value should have been; undefined if it is that. */
function expectation<Quirks>({ takes, list, never = [] }: QuirkKey<Quirks>, value: unknown): string | undefined {
  if (takes === "boolean") return typeof value === "boolean" ? undefined : "must be true or false";
  if (takes === "count")
    return Number.isSafeInteger(value) && Number(value) > 0 ? undefined : "must be a whole number above 0";
  if (takes === "number") return Number.isFinite(value) && Number(value) >= 0 ? undefined : "must be a number from 0";
  const isWord = (word: unknown): boolean => typeof word === "string" && (takes === "texts" || takes.includes(word));
  const words = takes === "texts" ? "texts" : takes.join(", ");
  if (takes === "texts" || list === true) {
    if (!(Array.isArray(value) && value.every(isWord))) return `must be a list of ${words}`;
    const taken = value.find((word) => never.some((path) => overlap(word, path)));
    return taken === undefined
      ? undefined
      : `must not hold ${taken}: the contract has a field for it, or it changes the price`;
  }
  return isWord(value) ? undefined : `must be one of ${words}`;
}

/** Whether one path is the other, or leads to it. Google reads `max_output_tokens` as `maxOutputTokens`. */
function overlap(one: string, other: string): boolean {
  const [path, field] = [one, other].map(
    (text) => `${text.replaceAll(/_([a-z0-9])/g, (_, next: string) => next.toUpperCase())}.`,
  );
  return path !== undefined && field !== undefined && (path.startsWith(field) || field.startsWith(path));
}
