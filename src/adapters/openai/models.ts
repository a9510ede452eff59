import { Capability, type ModelCapabilities } from "../../gen/execution/v1/capabilities_pb.js";
import type { ProviderSettings } from "../adapter.ts";
import { describeModel, listModels, type ModelFamily, type ModelTable } from "../model-table.ts";
import { vendorOfSettings } from "./quirk-settings.ts";

const TEXT = [Capability.STREAMING, Capability.JSON_MODE];
const TOOLS = [Capability.TOOLS, Capability.NATIVE_TOOLS];
const PARALLEL = [...TOOLS, Capability.PARALLEL_TOOLS];
const SEES = [Capability.IMAGE_INPUT, Capability.DOCUMENT_INPUT];
const GPT = [...TEXT, ...PARALLEL, ...SEES, Capability.JSON_SCHEMA, Capability.LOGPROBS];
const REASONS = [...TEXT, ...TOOLS, Capability.JSON_SCHEMA, Capability.REASONING];
const GPT_5 = [...REASONS, ...SEES, Capability.PARALLEL_TOOLS, Capability.FREE_FORM_TOOLS];
const AUDIO = [Capability.STREAMING, ...PARALLEL, Capability.AUDIO_INPUT, Capability.AUDIO_OUTPUT];

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

const TABLE: ModelTable = {
  asOf: "2026-07-24",
  source: "https://models.dev/ (openai); https://developers.openai.com/api/docs/models",
  families: FAMILIES,
  baseOf: (model) => model.replace(/-\d{4}-\d{2}-\d{2}$/, ""),
};

/** What is known of a model: OpenAI's own are known at OpenAI and at Azure, where names are OpenAI's too. */
export function capabilitiesOf(settings: ProviderSettings, name: string): ModelCapabilities {
  const vendor = vendorOfSettings(settings);
  return describeModel(settings, name, vendor === "openai" || vendor === "azure" ? TABLE : undefined);
}

/** The models the configuration names, then OpenAI's own where the instance is OpenAI; at Azure models are the operator's deployments. */
export function modelsOf(settings: ProviderSettings): readonly ModelCapabilities[] {
  const vendor = vendorOfSettings(settings);
  if (vendor === "openai") return listModels(settings, TABLE);
  return listModels(settings, undefined).map(({ model }) => capabilitiesOf(settings, model));
}
