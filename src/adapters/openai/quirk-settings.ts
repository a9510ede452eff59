import type { ProviderSettings, SettingsProblem } from "../adapter.ts";
import { configuredQuirks, type QuirkKeys, quirkProblems } from "../quirk-keys.ts";
import { modelQuirks } from "./model-quirks.ts";
import { NEVER_OPTIONS } from "./owned-fields.ts";
import { EFFORTS, HINT_FIELDS, type Quirks } from "./quirks.ts";
import { COMPATIBLE, VENDOR_BY_HOST, VENDORS } from "./vendors.ts";

const DEFAULT_BASE_URL = "https://api.openai.com/v1";

const KEYS: QuirkKeys<Quirks> = {
  auth_header: { field: "authHeader", takes: ["authorization", "api-key"] },
  stream: { field: "stream", takes: "boolean" },
  stream_usage: { field: "streamUsage", takes: ["stream_options", "always"] },
  end_marker: { field: "endMarker", takes: ["done", "finish_reason"] },
  max_tokens_field: { field: "maxTokensField", takes: ["max_tokens", "max_completion_tokens"] },
  seed_field: { field: "seedField", takes: ["seed", "random_seed"] },
  highest_temperature: { field: "highestTemperature", takes: "number" },
  instruction_role: { field: "instructionRole", takes: ["as_given", "system", "developer"] },
  reasoning_fields: {
    field: "reasoningFields",
    takes: ["reasoning_content", "reasoning", "thinking_parts"],
    list: true,
  },
  reasoning_style: {
    field: "reasoningStyle",
    takes: ["effort", "openrouter", "thinking", "thinking_and_effort", "enable_thinking", "none"],
  },
  efforts: { field: "efforts", takes: EFFORTS, list: true },
  cache_hints: { field: "cacheHints", takes: ["cache_control", "prompt_cache_breakpoint", "none"] },
  prefix_field: { field: "prefixField", takes: ["prefix", "partial", "implicit", "none"] },
  required_word: { field: "requiredWord", takes: ["required", "any"] },
  allowed_tools: { field: "allowedTools", takes: "boolean" },
  parameters_required: { field: "parametersRequired", takes: "boolean" },
  free_form_tools: { field: "freeFormTools", takes: "boolean" },
  eager_arguments: { field: "eagerArguments", takes: "boolean" },
  upstream_routing: { field: "upstreamRouting", takes: "boolean" },
  provider_tools: { field: "providerTools", takes: ["web_search_options", "tools", "none"] },
  images: { field: "images", takes: ["url_or_data", "data", "none"] },
  documents: { field: "documents", takes: ["file", "file_or_url", "document_url", "none"] },
  audio: { field: "audio", takes: ["object", "text", "none"] },
  tool_result_media: { field: "toolResultMedia", takes: "boolean" },
  modalities: { field: "modalities", takes: ["text", "audio", "image"], list: true },
  response_formats: { field: "responseFormats", takes: ["text", "json_object", "json_schema"], list: true },
  participant_names: { field: "participantNames", takes: "boolean" },
  refusal_field: { field: "refusalField", takes: "boolean" },
  annotations_field: { field: "annotationsField", takes: "boolean" },
  end_user_field: { field: "endUserField", takes: ["user", "safety_identifier", "user_id", "none"] },
  ignores: { field: "ignores", takes: HINT_FIELDS, list: true },
  only_without_reasoning: { field: "onlyWithoutReasoning", takes: HINT_FIELDS, list: true },
  reasons_by_default: { field: "reasonsByDefault", takes: "boolean" },
  options: { field: "options", takes: "texts", never: NEVER_OPTIONS },
};

/**
 * The quirks of one model of an instance: the preset of the vendor (`quirks.vendor`, else by the host of the base URL, else `compatible`),
 * then what is known of the vendor's own models, then the instance's `quirks`, then the model's. `model` is the provider's own word. Keys
 * `checkQuirks` complains of are passed over.
 */
export function resolveQuirks(settings: ProviderSettings, model: string): Quirks {
  const vendor = vendorOfSettings(settings);
  return {
    ...COMPATIBLE,
    ...VENDORS[vendor],
    ...modelQuirks(vendor, model),
    ...configuredQuirks(KEYS, settings, model),
    vendor,
  };
}

/** The vendor behind an instance: as configured, else by its base URL, else OpenAI. */
export function vendorOfSettings({ quirks, baseUrl }: ProviderSettings): string {
  return typeof quirks.vendor === "string" ? quirks.vendor : vendorOf(baseUrl ?? DEFAULT_BASE_URL);
}

/** The region that a host of Amazon's names (`bedrock-runtime.us-east-1.amazonaws.com`); undefined for any other. */
export function regionOf({ baseUrl = DEFAULT_BASE_URL }: ProviderSettings): string | undefined {
  const hostname = URL.parse(baseUrl)?.hostname ?? "";
  return /\.([a-z]{2}(?:-[a-z]+)+-\d+)\.(?:amazonaws\.com|api\.aws)$/.exec(hostname)?.[1];
}

/** The vendor whose host a base URL names; `compatible` if it is nobody's. */
export function vendorOf(baseUrl: string): string {
  const { host, hostname } = URL.parse(baseUrl) ?? { host: "", hostname: "" };
  const found = VENDOR_BY_HOST.find(([suffix]) => [host, hostname].some((name) => isWithin(name, suffix)));
  return found?.[1] ?? "compatible";
}

/** What is wrong with the quirks of an instance and of its models, by path below the instance. */
export function checkQuirks(settings: ProviderSettings): readonly SettingsProblem[] {
  const models = Object.entries(settings.models).flatMap(([alias, { quirks }]) => {
    const { vendor, ...rest } = quirks;
    const path = ["models", alias, "quirks"];
    return [
      ...(vendor === undefined
        ? []
        : [problem([...path, "vendor"], "belongs to the instance: a server has one vendor")]),
      ...quirkProblems(KEYS, rest, path),
    ];
  });
  const { vendor, ...rest } = settings.quirks;
  const known = vendor === undefined || (typeof vendor === "string" && Object.hasOwn(VENDORS, vendor));
  return [
    ...(known ? [] : [problem(["quirks", "vendor"], `must be one of ${Object.keys(VENDORS).join(", ")}`)]),
    ...quirkProblems(KEYS, rest, ["quirks"]),
    ...models,
  ];
}

const problem = (path: readonly string[], message: string): SettingsProblem => ({ path, message });

function isWithin(name: string, suffix: string): boolean {
  return name === suffix || name.endsWith(`.${suffix}`);
}
