import { Capability, type ModelCapabilities } from "../../gen/execution/v1/capabilities_pb.js";
import type { ProviderSettings } from "../adapter.ts";
import { describeModel, listModels, type ModelFamily, type ModelTable } from "../model-table.ts";

const TEXT = [Capability.STREAMING, Capability.JSON_MODE, Capability.JSON_SCHEMA];
const TOOLS = [Capability.TOOLS, Capability.NATIVE_TOOLS, Capability.PARALLEL_TOOLS];
const SEES = [Capability.IMAGE_INPUT, Capability.DOCUMENT_INPUT, Capability.AUDIO_INPUT];
const FLASH_2 = [...TEXT, ...TOOLS, ...SEES, Capability.PROVIDER_TOOLS, Capability.LOGPROBS];
const THINKS = [...TEXT, ...TOOLS, ...SEES, Capability.PROVIDER_TOOLS, Capability.REASONING];
const PICTURES = [Capability.STREAMING, Capability.IMAGE_INPUT, Capability.IMAGE_OUTPUT];

const MILLION = 1_048_576;

/**
 * Gemini models that answer at `generateContent`. Prompt caching is implicit, or explicit by the name of a cache made elsewhere: no model obeys
 * hints. Log probabilities are off at the Gemini API from 2.5 on.
 */
const FAMILIES: readonly ModelFamily[] = [
  {
    ids: [
      "gemini-3.8-flash",
      "gemini-3.7-flash",
      "gemini-3.6-flash",
      "gemini-3.5-flash",
      "gemini-3.5-flash-lite",
      "gemini-3.1-pro-preview",
      "gemini-3.1-pro-preview-customtools",
      "gemini-3.1-flash-lite",
      "gemini-3.1-flash-lite-preview",
      "gemini-3-pro-preview",
      "gemini-3-flash-preview",
      "gemini-flash-latest",
      "gemini-flash-lite-latest",
      "gemini-pro-latest",
    ],
    contextWindow: MILLION,
    maxOutputTokens: 65_536,
    can: THINKS,
  },
  {
    ids: ["gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite"],
    contextWindow: MILLION,
    maxOutputTokens: 65_536,
    can: THINKS,
  },
  {
    ids: ["gemini-3-pro-image", "gemini-3-pro-image-preview"],
    contextWindow: 131_072,
    maxOutputTokens: 32_768,
    can: [...PICTURES, Capability.PROVIDER_TOOLS, Capability.JSON_MODE, Capability.JSON_SCHEMA],
  },
  {
    ids: ["gemini-3.1-flash-image-preview"],
    contextWindow: 65_536,
    maxOutputTokens: 65_536,
    can: [...PICTURES, Capability.PROVIDER_TOOLS, Capability.REASONING],
  },
  { ids: ["gemini-2.5-flash-image"], contextWindow: 32_768, maxOutputTokens: 32_768, can: PICTURES },
  {
    ids: ["gemini-2.5-flash-preview-tts", "gemini-2.5-pro-preview-tts"],
    contextWindow: 8192,
    maxOutputTokens: 16_384,
    can: [Capability.STREAMING, Capability.AUDIO_OUTPUT],
  },
  { ids: ["gemini-2.0-flash", "gemini-2.0-flash-lite"], contextWindow: MILLION, maxOutputTokens: 8192, can: FLASH_2 },
];

const TABLE: ModelTable = {
  asOf: "2026-09-11",
  source: "https://ai.google.dev/gemini-api/docs/models; https://models.dev/ (google)",
  families: FAMILIES,
  // Snapshots are numbered (`gemini-2.0-flash-001`) or dated by month and day (`gemini-2.5-flash-preview-09-2025`, `-06-17`).
  baseOf: (model) => model.replace(/^.*\//, "").replace(/(-preview)?(-\d{3}|-\d{2}-\d{2,4})$/, ""),
};

/** What is known of a model. Names are Google's own at both surfaces. */
export function capabilitiesOf(settings: ProviderSettings, name: string): ModelCapabilities {
  return describeModel(settings, name, TABLE);
}

/** The models the configuration names, then Google's. */
export function modelsOf(settings: ProviderSettings): readonly ModelCapabilities[] {
  return listModels(settings, TABLE);
}
