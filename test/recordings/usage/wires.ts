import type { AdapterKind, ProviderSettings } from "../../../src/adapters/adapter.ts";
import { adapterKinds } from "../../../src/adapters/index.ts";
import { Secret } from "../../../src/secret.ts";
import { testProvider } from "../../support/gateway.ts";
import { loadIndex, type RecordingRow, recordingsAvailable } from "../../support/recordings.ts";

/** A usage object as a provider sent it. */
export type ReportedUsage = Readonly<Record<string, unknown>>;

/** All input and output tokens of a usage object; undefined where it does not say. */
export interface ReportedTotals {
  readonly input: number | undefined;
  readonly output: number | undefined;
}

/** One wire whose recorded usage is read. A wire is one entry. */
export interface UsageWire {
  readonly label: string;
  /** APIs of the index it claims, all rows of them. */
  readonly apis: readonly string[];
  /** The kind of adapter that speaks it. */
  readonly kind: string;
  /** Adds the totals up anew, as the provider's reference says: our reading is not compared with itself. */
  readonly totals: (reported: ReportedUsage) => ReportedTotals;
  /** The service tier that the answer names, as text or as the number of an enum; undefined if it names none. */
  readonly tier: (reported: ReportedUsage, body: string) => unknown;
}

const WIRES: readonly UsageWire[] = [
  { label: "chat completions", apis: ["openai-chat"], kind: "openai", totals: chatTotals, tier: chatTier },
  {
    label: "messages",
    apis: ["anthropic-messages"],
    kind: "anthropic",
    totals: messagesTotals,
    tier: ({ service_tier: tier }) => tier,
  },
  {
    label: "generateContent",
    apis: ["gemini-generate", "gemini-stream"],
    kind: "gemini",
    totals: geminiTotals,
    tier: ({ serviceTier, trafficType }) => serviceTier ?? trafficType,
  },
];

/** The wires whose adapter is registered. */
export const wires: readonly (UsageWire & { readonly adapter: AdapterKind; readonly rows: readonly RecordingRow[] })[] =
  WIRES.flatMap((wire) => {
    const adapter = adapterKinds.find(({ kind }) => kind === wire.kind);
    return adapter === undefined ? [] : [{ ...wire, adapter, rows: rowsOf(wire) }];
  });

function rowsOf({ apis }: UsageWire): readonly RecordingRow[] {
  return recordingsAvailable() ? loadIndex().filter(({ api }) => apis.includes(api)) : [];
}

/** The settings of an instance that reads a row: of the recorded vendor or surface, if the kind knows it. */
export function settingsFor(adapter: AdapterKind, { provider }: RecordingRow, baseUrl: string): ProviderSettings {
  const plain = testProvider({ name: provider, kind: adapter.kind, baseUrl, apiKey: new Secret("test") });
  const surface = provider === "gemini" ? "gemini_api" : provider;
  const known = [{ vendor: provider }, { surface }].map((quirks) => ({ ...plain, quirks }));
  return known.find((settings) => adapter.check(settings).length === 0) ?? plain;
}

function count(reported: ReportedUsage, name: string): number | undefined {
  const value = reported[name];
  return typeof value === "number" ? value : undefined;
}

function sum(...values: readonly (number | undefined)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0);
}

/** The tier is beside the usage, in a chunk or in all; Mistral's is in the usage too. */
function chatTier(reported: ReportedUsage, body: string): unknown {
  return [...body.matchAll(/"service_tier"\s*:\s*"([^"]+)"/g)].at(-1)?.[1] ?? reported.service_tier;
}

/** `total_tokens` is more than prompt and completion where hidden reasoning is in neither (xAI, Gemini). */
function chatTotals(reported: ReportedUsage): ReportedTotals {
  const [input, completion, total] = ["prompt_tokens", "completion_tokens", "total_tokens"].map((name) =>
    count(reported, name),
  );
  const isMore = input !== undefined && completion !== undefined && total !== undefined && total > input + completion;
  return { input, output: isMore ? total - input : completion };
}

/** Cached input is beside `input_tokens`; a compaction is a pass of its own that is in no total. */
function messagesTotals(reported: ReportedUsage): ReportedTotals {
  const passes = [reported, ...compactions(reported)];
  const input = passes.map((pass) =>
    sum(
      count(pass, "input_tokens"),
      count(pass, "cache_read_input_tokens"),
      count(pass, "cache_creation_input_tokens"),
    ),
  );
  return { input: sum(...input), output: sum(...passes.map((pass) => count(pass, "output_tokens"))) };
}

function compactions({ iterations }: ReportedUsage): readonly ReportedUsage[] {
  const all = Array.isArray(iterations) ? (iterations as readonly ReportedUsage[]) : [];
  return all.filter(({ type }) => type === "compaction");
}

/** Input that tools of the provider made and thoughts are beside prompt and candidates; a count that is left out is 0. */
function geminiTotals(reported: ReportedUsage): ReportedTotals {
  const prompt = count(reported, "promptTokenCount");
  if (prompt === undefined && count(reported, "totalTokenCount") === undefined)
    return { input: undefined, output: undefined };
  const input = sum(prompt, count(reported, "toolUsePromptTokenCount"));
  return { input, output: sum(count(reported, "candidatesTokenCount"), count(reported, "thoughtsTokenCount")) };
}
