import { create } from "@bufbuild/protobuf";
import {
  Capability,
  type CapabilitySupport,
  CapabilitySupportSchema,
  type ModelCapabilities,
  ModelCapabilitiesSchema,
  Support,
} from "../../gen/execution/v1/capabilities_pb.js";
import type { ModelSettings, ProviderSettings } from "../adapter.ts";
import { vendorOfSettings } from "./quirk-settings.ts";

/** Models of one make: what they can do, and their bounds in tokens. */
interface ModelFamily {
  /** Ids without the date of a snapshot; a snapshot (`gpt-4o-2024-11-20`) has what its family has. */
  readonly ids: readonly string[];
  readonly contextWindow: number;
  readonly maxOutputTokens: number;
  readonly can: readonly Capability[];
}

const AS_OF = "2026-07-24";
const SOURCE = "https://models.dev/ (openai); https://developers.openai.com/api/docs/models";

const TEXT = [Capability.STREAMING, Capability.JSON_MODE];
const TOOLS = [Capability.TOOLS, Capability.NATIVE_TOOLS];
const PARALLEL = [...TOOLS, Capability.PARALLEL_TOOLS];
const SEES = [Capability.IMAGE_INPUT, Capability.DOCUMENT_INPUT];
const GPT = [...TEXT, ...PARALLEL, ...SEES, Capability.JSON_SCHEMA, Capability.LOGPROBS];
const REASONS = [...TEXT, ...TOOLS, Capability.JSON_SCHEMA, Capability.REASONING];
const GPT_5 = [...REASONS, ...SEES, Capability.PARALLEL_TOOLS, Capability.FREE_FORM_TOOLS];
const AUDIO = [Capability.STREAMING, ...PARALLEL, Capability.AUDIO_INPUT, Capability.AUDIO_OUTPUT];

/** Every capability: one a known model is not said to have, it has not. PROMPT_CACHING means caching that obeys hints. */
const ALL: readonly Capability[] = Object.values(Capability).filter(
  (value): value is Capability => typeof value === "number" && value !== Capability.UNSPECIFIED,
);

/** OpenAI's models that answer at `/chat/completions`; those for the Responses API alone (`-pro`, `-codex`) are not among them. */
const FAMILIES: readonly ModelFamily[] = [
  {
    ids: ["gpt-5.6", "gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna"],
    contextWindow: 1_050_000,
    maxOutputTokens: 128_000,
    can: [...GPT_5, Capability.PROMPT_CACHING],
  },
  { ids: ["gpt-5.5", "gpt-5.4"], contextWindow: 1_050_000, maxOutputTokens: 128_000, can: GPT_5 },
  {
    ids: ["gpt-5.4-mini", "gpt-5.4-nano", "gpt-5.2", "gpt-5.1", "gpt-5", "gpt-5-mini", "gpt-5-nano"],
    contextWindow: 400_000,
    maxOutputTokens: 128_000,
    can: GPT_5,
  },
  {
    ids: ["gpt-5.3-chat-latest", "gpt-5.2-chat-latest", "gpt-5.1-chat-latest"],
    contextWindow: 128_000,
    maxOutputTokens: 16_384,
    can: [...TEXT, ...PARALLEL, ...SEES, Capability.JSON_SCHEMA],
  },
  {
    ids: ["gpt-5-chat-latest"],
    contextWindow: 128_000,
    maxOutputTokens: 16_384,
    can: [...TEXT, ...SEES, Capability.JSON_SCHEMA],
  },
  { ids: ["gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano"], contextWindow: 1_047_576, maxOutputTokens: 32_768, can: GPT },
  {
    ids: ["gpt-4o-2024-05-13"],
    contextWindow: 128_000,
    maxOutputTokens: 4096,
    can: [...TEXT, ...PARALLEL, Capability.IMAGE_INPUT, Capability.LOGPROBS],
  },
  { ids: ["gpt-4o", "gpt-4o-mini", "chatgpt-4o-latest"], contextWindow: 128_000, maxOutputTokens: 16_384, can: GPT },
  {
    ids: ["gpt-4o-search-preview", "gpt-4o-mini-search-preview"],
    contextWindow: 128_000,
    maxOutputTokens: 16_384,
    can: [Capability.STREAMING, Capability.JSON_SCHEMA, Capability.PROVIDER_TOOLS],
  },
  {
    ids: ["gpt-audio", "gpt-audio-1.5", "gpt-audio-mini", "gpt-4o-audio-preview", "gpt-4o-mini-audio-preview"],
    contextWindow: 128_000,
    maxOutputTokens: 16_384,
    can: AUDIO,
  },
  { ids: ["o1", "o3", "o4-mini"], contextWindow: 200_000, maxOutputTokens: 100_000, can: [...REASONS, ...SEES] },
  { ids: ["o3-mini"], contextWindow: 200_000, maxOutputTokens: 100_000, can: REASONS },
  {
    ids: ["gpt-4-turbo"],
    contextWindow: 128_000,
    maxOutputTokens: 4096,
    can: [...TEXT, ...PARALLEL, Capability.IMAGE_INPUT, Capability.LOGPROBS],
  },
  {
    ids: ["gpt-3.5-turbo"],
    contextWindow: 16_385,
    maxOutputTokens: 4096,
    can: [...TEXT, ...PARALLEL, Capability.LOGPROBS],
  },
];

/**
 * What is known of a model by an alias or the provider's own word. What the operator declares wins over the adapter's data, which covers
 * OpenAI's own models at OpenAI and Azure. Of any other model nothing is listed and `as_of` is empty: it is sent, but nothing is claimed.
 */
export function capabilitiesOf(settings: ProviderSettings, name: string): ModelCapabilities {
  const configured = Object.hasOwn(settings.models, name) ? settings.models[name] : undefined;
  const model = configured?.id ?? name;
  const declared = configured ?? Object.values(settings.models).find(({ id }) => id === model);
  const vendor = vendorOfSettings(settings);
  const family = vendor === "openai" || vendor === "azure" ? familyOf(model) : undefined;
  const contextWindow = declared?.contextWindow ?? family?.contextWindow;
  const maxOutputTokens = declared?.maxOutputTokens ?? family?.maxOutputTokens;
  return create(ModelCapabilitiesSchema, {
    model,
    capabilities: merged(family, declared),
    ...(contextWindow !== undefined && { contextWindow }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    asOf: family === undefined ? "" : AS_OF,
    source: family !== undefined ? SOURCE : isDeclared(declared) ? "configuration" : "",
    aliases: Object.entries(settings.models).flatMap(([alias, { id }]) =>
      id === model && alias !== id ? [alias] : [],
    ),
  });
}

/** The models the configuration names, then those of OpenAI's the adapter knows, where the instance is OpenAI. */
export function listModels(settings: ProviderSettings): readonly ModelCapabilities[] {
  const configured = Object.values(settings.models).map(({ id }) => id);
  const known = vendorOfSettings(settings) === "openai" ? FAMILIES.flatMap(({ ids }) => ids) : [];
  return [...new Set([...configured, ...known])].map((model) => capabilitiesOf(settings, model));
}

function familyOf(model: string): ModelFamily | undefined {
  const base = model.replace(/-\d{4}-\d{2}-\d{2}$/, "");
  return FAMILIES.find(({ ids }) => ids.includes(model)) ?? FAMILIES.find(({ ids }) => ids.includes(base));
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
