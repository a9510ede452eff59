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

/** Before 4.5 answers could not be held to a schema, and all went on with a message that was begun. */
const BEFORE_4_5 = [
  ...CLAUDE.filter((capability) => capability !== Capability.JSON_SCHEMA),
  Capability.ASSISTANT_PREFIX,
];

/**
 * Claude 4.6 and later refuse an assistant message to be continued. JSON without a schema the API does not know at all. Days of retirement, which
 * hold for the platforms that Anthropic runs: platform.claude.com/docs/en/about-claude/model-deprecations, read 2026-11.
 */
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
  {
    ids: ["claude-opus-4-1"],
    contextWindow: 200_000,
    maxOutputTokens: 32_000,
    can: BEFORE_4_5,
    retired: "2026-08-05",
  },
  {
    ids: ["claude-opus-4-0", "claude-opus-4"],
    contextWindow: 200_000,
    maxOutputTokens: 32_000,
    can: BEFORE_4_5,
    retired: "2026-06-15",
  },
  {
    ids: ["claude-sonnet-4-0", "claude-sonnet-4"],
    contextWindow: 200_000,
    maxOutputTokens: 64_000,
    can: BEFORE_4_5,
    retired: "2026-06-15",
  },
  {
    ids: ["claude-3-7-sonnet"],
    contextWindow: 200_000,
    maxOutputTokens: 64_000,
    can: BEFORE_4_5,
    retired: "2026-02-19",
  },
  {
    ids: ["claude-3-5-haiku"],
    contextWindow: 200_000,
    maxOutputTokens: 8192,
    can: BEFORE_4_5.filter((capability) => capability !== Capability.REASONING),
    retired: "2026-02-19",
  },
];

const TABLE: ModelTable = {
  asOf: "2026-11-09",
  source:
    "https://platform.claude.com/docs/en/models/overview and the pages of the models; names of @anthropic-ai/sdk 1.14.0",
  families: FAMILIES,
  baseOf: (model) => model.replace(/-(\d{8}|latest)$/, ""),
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
