import { Capability, type ModelCapabilities } from "../../gen/execution/v1/capabilities_pb.js";
import type { ProviderSettings } from "../adapter.ts";
import { describeModel, listModels, type ModelFamily, type ModelTable } from "../model-table.ts";
import { vendorOfSettings } from "./vendor.ts";

const TOOLS = [
  Capability.TOOLS,
  Capability.NATIVE_TOOLS,
  Capability.PARALLEL_TOOLS,
  Capability.PROVIDER_TOOLS,
  Capability.JSON_SCHEMA,
];
const READS = [Capability.IMAGE_INPUT, Capability.DOCUMENT_INPUT];
const CLAUDE = [Capability.STREAMING, ...TOOLS, ...READS, Capability.REASONING, Capability.PROMPT_CACHING];

/** Claude 4.6 and later refuse an assistant message to be continued. JSON without a schema the API does not know at all. */
const FAMILIES: readonly ModelFamily[] = [
  {
    ids: [
      "claude-fable-5-2",
      "claude-mythos-5-2",
      "claude-opus-5-5",
      "claude-sonnet-5-5",
      "claude-haiku-5-5",
      "claude-fable-5-1",
      "claude-mythos-5-1",
      "claude-fable-5",
      "claude-mythos-5",
      "claude-opus-5",
      "claude-sonnet-5",
      "claude-opus-4-8",
      "claude-opus-4-7",
      "claude-opus-4-6",
      "claude-sonnet-4-6",
      "claude-mythos-preview",
    ],
    contextWindow: 1_000_000,
    maxOutputTokens: 128_000,
    can: CLAUDE,
  },
  {
    ids: ["claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"],
    contextWindow: 200_000,
    maxOutputTokens: 64_000,
    can: [...CLAUDE, Capability.ASSISTANT_PREFIX],
  },
];

const TABLE: ModelTable = {
  asOf: "2026-11-09",
  source:
    "https://platform.claude.com/docs/en/models/overview and the pages of the models; names of @anthropic-ai/sdk 1.14.0",
  families: FAMILIES,
  baseOf: (model) => model.replace(/-\d{8}$/, ""),
};

/** What is known of a model: Anthropic's own go by the same names wherever this wire is spoken. */
export function capabilitiesOf(settings: ProviderSettings, name: string): ModelCapabilities {
  return describeModel(settings, name, TABLE);
}

/** The models the configuration names, then Anthropic's own where the instance is Anthropic. */
export function modelsOf(settings: ProviderSettings): readonly ModelCapabilities[] {
  if (vendorOfSettings(settings) === "anthropic") return listModels(settings, TABLE);
  return listModels(settings, undefined).map(({ model }) => capabilitiesOf(settings, model));
}
