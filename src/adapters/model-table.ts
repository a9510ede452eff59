import { create } from "@bufbuild/protobuf";
import {
  Capability,
  type CapabilitySupport,
  CapabilitySupportSchema,
  type ModelCapabilities,
  ModelCapabilitiesSchema,
  Support,
} from "../gen/execution/v1/capabilities_pb.js";
import type { ModelSettings, ProviderSettings } from "./adapter.ts";

/** Models of one make: what they can do, and their bounds in tokens. */
export interface ModelFamily {
  /** Ids without what a snapshot adds; a snapshot (`gpt-4o-2024-11-20`) has what its family has unless it is listed itself. */
  readonly ids: readonly string[];
  readonly contextWindow: number;
  readonly maxOutputTokens: number;
  /** What they can; every other capability they lack. */
  readonly can: readonly Capability[];
  /** Day from which their maker serves them no more, `YYYY-MM-DD`, where that is past: then they are known, since others may, and not listed. */
  readonly retired?: string;
}

/** What an adapter knows of its vendor's models, as data. */
export interface ModelTable {
  /** Day on which the data was last true, `YYYY-MM-DD`. */
  readonly asOf: string;
  /** Where the data is from. */
  readonly source: string;
  readonly families: readonly ModelFamily[];
  /** The family's id that a model's name comes down to: the name without the date of a snapshot. */
  readonly baseOf: (model: string) => string;
}

/** Every capability: one a known model is not said to have, it has not. PROMPT_CACHING means caching that obeys hints. */
const ALL: readonly Capability[] = Object.values(Capability).filter(
  (value): value is Capability => typeof value === "number" && value !== Capability.UNSPECIFIED,
);

/**
 * What is known of a model by an alias or the provider's own word. What the operator declares wins over the table. Of a model that is in
 * neither nothing is listed and `as_of` is empty: it is sent, but nothing is claimed. No table: the models are nobody's we know.
 */
export function describeModel(
  settings: ProviderSettings,
  name: string,
  table: ModelTable | undefined,
): ModelCapabilities {
  const configured = Object.hasOwn(settings.models, name) ? settings.models[name] : undefined;
  const model = configured?.id ?? name;
  const declared = configured ?? Object.values(settings.models).find(({ id }) => id === model);
  const family = table === undefined ? undefined : familyOf(table, model);
  const contextWindow = declared?.contextWindow ?? family?.contextWindow;
  const maxOutputTokens = declared?.maxOutputTokens ?? family?.maxOutputTokens;
  return create(ModelCapabilitiesSchema, {
    model,
    capabilities: merged(family, declared),
    ...(contextWindow !== undefined && { contextWindow }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    asOf: family === undefined ? "" : (table?.asOf ?? ""),
    source: family !== undefined ? (table?.source ?? "") : isDeclared(declared) ? "configuration" : "",
    aliases: Object.entries(settings.models).flatMap(([alias, { id }]) =>
      id === model && alias !== id ? [alias] : [],
    ),
  });
}

/** The models the configuration names, then those of the table that are served, each once. */
export function listModels(settings: ProviderSettings, table: ModelTable | undefined): readonly ModelCapabilities[] {
  const configured = Object.values(settings.models).map(({ id }) => id);
  const served = table?.families.filter(({ retired }) => retired === undefined) ?? [];
  const known = served.flatMap(({ ids }) => ids);
  return [...new Set([...configured, ...known])].map((model) => describeModel(settings, model, table));
}

function familyOf({ families, baseOf }: ModelTable, model: string): ModelFamily | undefined {
  const base = baseOf(model);
  return families.find(({ ids }) => ids.includes(model)) ?? families.find(({ ids }) => ids.includes(base));
}

function merged(family: ModelFamily | undefined, declared: ModelSettings | undefined): CapabilitySupport[] {
  const known = family === undefined ? [] : ALL.map((capability) => supportFor(capability, family));
  const overridden = new Set(declared?.capabilities.map(({ capability }) => capability));
  return [...known.filter(({ capability }) => !overridden.has(capability)), ...(declared?.capabilities ?? [])];
}

function supportFor(capability: Capability, { can }: ModelFamily): CapabilitySupport {
  const support = can.includes(capability) ? Support.NATIVE : Support.NONE;
  return create(CapabilitySupportSchema, { capability, support });
}

function isDeclared(settings: ModelSettings | undefined): boolean {
  if (settings === undefined) return false;
  const { capabilities, contextWindow, maxOutputTokens } = settings;
  return capabilities.length > 0 || contextWindow !== undefined || maxOutputTokens !== undefined;
}
