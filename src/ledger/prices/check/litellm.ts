import type { RateName } from "../types.ts";
import { isBucket } from "./questions.ts";
import type { PriceQuestion, PriceReference } from "./reference.ts";

/** The name of a price there, without bounds and tiers. All are dollars per token. */
const KEYS: Readonly<Record<RateName, string>> = {
  input: "input_cost_per_token",
  inputCacheRead: "cache_read_input_token_cost",
  inputCacheWrite5m: "cache_creation_input_token_cost",
  inputCacheWrite1h: "cache_creation_input_token_cost_above_1hr",
  inputAudio: "input_cost_per_audio_token",
  inputImage: "input_cost_per_image_token",
  output: "output_cost_per_token",
  outputReasoning: "output_cost_per_reasoning_token",
  outputAudio: "output_cost_per_audio_token",
  outputImage: "output_cost_per_image_token",
};

/** Sizes of search contexts by our names of what is billed; searches that have no size are in the middle. */
const SEARCHES: ReadonlyMap<string, string> = new Map([
  ["web_search_requests", "search_context_size_medium"],
  ["web_search_queries", "search_context_size_medium"],
  ["search_context_low", "search_context_size_low"],
  ["search_context_medium", "search_context_size_medium"],
  ["search_context_high", "search_context_size_high"],
]);

/** What a key there may begin with before the model, and whose key it must be then. */
const PLACES: Readonly<Record<string, readonly (readonly [prefix: string, provider: string])[]>> = {
  openai: [["", "openai"]],
  anthropic: [["", "anthropic"]],
  gemini: [["gemini/", "gemini"]],
  vertex: [
    ["vertex_ai/", "vertex_ai"],
    ["", "vertex_ai"],
  ],
  azure: [["azure/", "azure"]],
  bedrock: [["", "bedrock"]],
};

/** What a snapshot adds to the name of its model. */
const SNAPSHOT = /-(?:\d{8}|\d{4}-\d{2}-\d{2}|\d{3}|latest|preview)$/;

type Entry = Readonly<Record<string, unknown>>;

/**
 * LiteLLM's `model_prices_and_context_window.json` as a source: list prices of today by service tier, batch API and length of input. Throws if the
 * text is no such file.
 */
export function createLitellmReference(text: string): PriceReference {
  const entries = readEntries(text);
  const bySnapshot = new Map<string, Entry>();
  for (const [key, entry] of entries) {
    const base = key.replace(SNAPSHOT, "");
    if (base !== key && !bySnapshot.has(base)) bySnapshot.set(base, entry);
  }
  const entryOf = ({ vendor, model }: PriceQuestion): Entry | undefined => {
    for (const [prefix, provider] of PLACES[vendor] ?? [[`${vendor}/`, vendor] as const]) {
      const entry = entries.get(prefix + model) ?? bySnapshot.get(prefix + model);
      if (String(entry?.litellm_provider).startsWith(provider)) return entry;
    }
    return undefined;
  };
  return {
    name: "litellm",
    isDated: false,
    hasExactBounds: false,
    covers: ({ what, region }) => (region === "" || region === "global") && (isBucket(what) || SEARCHES.has(what)),
    rate: (question) => {
      const entry = entryOf(question);
      if (entry === undefined) return undefined;
      return isBucket(question.what)
        ? tokenRate(entry, KEYS[question.what], question)
        : numberAt(entry.search_context_cost_per_query, SEARCHES.get(question.what) ?? "");
    },
  };
}

/** Dollars per million tokens: the price above the highest bound that the input exceeds, else the one without a bound. */
function tokenRate(entry: Entry, key: string, { tier, batch, input }: PriceQuestion): number | undefined {
  const suffix = batch ? "_batches" : tier === "" ? "" : `_${tier}`;
  const bounds = Object.keys(entry)
    .flatMap((name) => (name.startsWith(`${key}_above_`) ? [Number(/_above_(\d+)k_tokens/.exec(name)?.[1])] : []))
    .filter((bound) => input > bound * 1000);
  const bound = bounds.length === 0 ? "" : `_above_${Math.max(...bounds)}k_tokens`;
  const perToken = numberAt(entry, `${key}${bound}${suffix}`);
  // Doubles of dollars a token: what is beyond twelve digits is noise.
  return perToken === undefined ? undefined : Number((perToken * 1e6).toPrecision(12));
}

function readEntries(text: string): ReadonlyMap<string, Entry> {
  const parsed: unknown = JSON.parse(text);
  const entries = isObject(parsed)
    ? Object.entries(parsed).filter((pair): pair is [string, Entry] => isObject(pair[1]))
    : [];
  const priced = new Map(entries.filter(([, entry]) => numberAt(entry, KEYS.input) !== undefined));
  if (priced.size === 0) throw new TypeError("it has no model with an input_cost_per_token");
  return priced;
}

function numberAt(value: unknown, key: string): number | undefined {
  const found = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return typeof found === "number" && Number.isFinite(found) && found >= 0 ? found : undefined;
}

function isObject(value: unknown): value is Entry {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
