import {
  Capability,
  type CapabilitySupport,
  type ModelCapabilities,
  Support,
} from "../../gen/execution/v1/capabilities_pb.js";
import type { ModelSettings, ProviderSettings } from "../adapter.ts";

/** The model that can do everything, and the default. */
export const MOCK_MODEL = "mock";

/** The model that takes and gives text only, for whoever wants to see a capability refused or simulated. */
const MOCK_TEXT_MODEL = "mock-text";

/** Owner of the mock's provider state and file ids. */
export const MOCK_OWNER = "mock";

/** Day on which the table below was last true. */
const AS_OF = "2026-11-22";

const CAPABILITIES: readonly Capability[] = Object.values(Capability).filter(
  (value): value is Capability => typeof value === "number" && value !== Capability.UNSPECIFIED,
);

/** Text comes piece by piece whatever the model. */
const TEXT_CAPABILITIES: ReadonlySet<Capability> = new Set([Capability.STREAMING]);

/** The configuration's entry for a provider's word: by id, else by alias. */
export function configuredModel(settings: ProviderSettings, model: string): ModelSettings | undefined {
  return Object.values(settings.models).find(({ id }) => id === model) ?? ownEntry(settings, model);
}

/**
 * What is known of a model named by an alias or by its own word. `mock-text` has text and nothing else; every other model, known or not, is
 * like `mock` and has every capability. What the configuration declares wins.
 */
export function describeModel(settings: ProviderSettings, name: string): ModelCapabilities {
  const entry = ownEntry(settings, name) ?? configuredModel(settings, name);
  const model = entry?.id ?? name;
  const declared = new Map(entry?.capabilities.map(({ capability, support }) => [capability, support]));
  const capabilities = CAPABILITIES.map((capability): CapabilitySupport => {
    const own = model === MOCK_TEXT_MODEL && !TEXT_CAPABILITIES.has(capability) ? Support.NONE : Support.NATIVE;
    return { $typeName: "execution.v1.CapabilitySupport", capability, support: declared.get(capability) ?? own };
  });
  return {
    $typeName: "execution.v1.ModelCapabilities",
    model,
    capabilities,
    asOf: AS_OF,
    source: declared.size > 0 ? "configuration" : "docs/mock.md",
    aliases: Object.entries(settings.models).flatMap(([alias, { id }]) =>
      id === model && alias !== model ? [alias] : [],
    ),
    ...(entry?.contextWindow === undefined ? {} : { contextWindow: entry.contextWindow }),
    ...(entry?.maxOutputTokens === undefined ? {} : { maxOutputTokens: entry.maxOutputTokens }),
  };
}

/** The built-in models and the configured ones, each once. */
export function listModels(settings: ProviderSettings): readonly ModelCapabilities[] {
  const ids = new Set([MOCK_MODEL, MOCK_TEXT_MODEL, ...Object.values(settings.models).map(({ id }) => id)]);
  return [...ids].map((id) => describeModel(settings, id));
}

function ownEntry(settings: ProviderSettings, alias: string): ModelSettings | undefined {
  return Object.hasOwn(settings.models, alias) ? settings.models[alias] : undefined;
}
