import type { ProviderSettings, SettingsProblem } from "../adapter.ts";
import { configuredQuirks, type QuirkKeys, quirkProblems } from "../quirk-keys.ts";
import { modelQuirks } from "./model-quirks.ts";
import { NEVER_OPTIONS } from "./owned-fields.ts";
import { HINT_FIELDS, type Quirks, type Surface, THINKING_LEVELS } from "./quirks.ts";

/** Base URL of the Gemini API. */
export const DEFAULT_BASE_URL = "https://generativelanguage.googleapis.com/v1beta";

const KEYS: QuirkKeys<Quirks> = {
  auth_header: { field: "authHeader", takes: ["x-goog-api-key", "authorization"] },
  stream: { field: "stream", takes: "boolean" },
  stream_framing: { field: "streamFraming", takes: ["events", "array"] },
  schemas: { field: "schemas", takes: ["json_schema", "openapi"] },
  thinking: { field: "thinking", takes: ["level", "budget", "none"] },
  thinking_levels: { field: "thinkingLevels", takes: THINKING_LEVELS, list: true },
  thinking_off: { field: "thinkingOff", takes: "boolean" },
  validated_mode: { field: "validatedMode", takes: "boolean" },
  stream_arguments: { field: "streamArguments", takes: "boolean" },
  server_tool_calls: { field: "serverToolCalls", takes: "boolean" },
  tool_result_media: { field: "toolResultMedia", takes: "boolean" },
  fetches_urls: { field: "fetchesUrls", takes: "boolean" },
  provider_tools: { field: "providerTools", takes: "texts" },
  ignores: { field: "ignores", takes: HINT_FIELDS, list: true },
  options: { field: "options", takes: "texts", never: NEVER_OPTIONS },
};

/** What both surfaces have in common. */
const COMMON: Omit<Quirks, "surface"> = {
  authHeader: "x-goog-api-key",
  stream: true,
  streamFraming: "events",
  schemas: "json_schema",
  thinking: "level",
  thinkingLevels: ["low", "medium", "high"],
  thinkingOff: false,
  validatedMode: true,
  streamArguments: false,
  serverToolCalls: false,
  toolResultMedia: false,
  fetchesUrls: true,
  providerTools: ["googleSearch", "googleSearchRetrieval", "googleMaps", "urlContext", "codeExecution", "computerUse"],
  ignores: [],
  options: [
    "cachedContent",
    "toolConfig.retrievalConfig",
    "generationConfig.mediaResolution",
    "generationConfig.imageConfig",
    "generationConfig.speechConfig.languageCode",
    "generationConfig.speechConfig.multiSpeakerVoiceConfig",
  ],
};

/**
 * Presets. Which tool and field belongs where follows googleapis/js-genai `src/converters/_models_converters.ts` (commit 6e9b35c), which
 * refuses for one surface what only the other has.
 */
const SURFACES: Readonly<Record<Surface, Quirks>> = {
  gemini_api: {
    ...COMMON,
    surface: "gemini_api",
    providerTools: [...COMMON.providerTools, "fileSearch", "mcpServers"],
    options: [
      ...COMMON.options,
      "toolConfig.includeServerSideToolInvocations",
      "generationConfig.enableEnhancedCivicAnswers",
    ],
  },
  vertex: {
    ...COMMON,
    surface: "vertex",
    streamArguments: true,
    providerTools: [...COMMON.providerTools, "retrieval", "enterpriseWebSearch"],
    options: [...COMMON.options, "labels", "generationConfig.audioTimestamp"],
  },
};

/**
 * The quirks of one model of an instance: the preset of the surface (`quirks.surface`, else by the host of the base URL), then what is known of
 * the model by its name, then the instance's `quirks`, then the model's. `model` is the provider's own word. Keys `checkQuirks` complains of
 * are passed over.
 */
export function resolveQuirks(settings: ProviderSettings, model: string): Quirks {
  const surface = surfaceOf(settings);
  return {
    ...SURFACES[surface],
    ...modelQuirks(surface, model),
    ...configuredQuirks(KEYS, settings, model),
    surface,
  };
}

/** What is wrong with the quirks of an instance and of its models, by path below the instance. */
export function checkQuirks({ quirks, models }: ProviderSettings): readonly SettingsProblem[] {
  const { surface, ...rest } = quirks;
  const words = Object.keys(SURFACES);
  const isKnown = surface === undefined || (typeof surface === "string" && words.includes(surface));
  const ofModels = Object.entries(models).flatMap(([alias, model]) =>
    quirkProblems(KEYS, model.quirks, ["models", alias, "quirks"]),
  );
  return [
    ...(isKnown ? [] : [{ path: ["quirks", "surface"], message: `must be one of ${words.join(", ")}` }]),
    ...quirkProblems(KEYS, rest, ["quirks"]),
    ...ofModels,
  ];
}

/** The surface an instance speaks to: the one that is named, else the Gemini API's, which others imitate. */
function surfaceOf(settings: ProviderSettings): Surface {
  return namedSurface(settings) ?? "gemini_api";
}

/** The surface that the configuration names, or the host of the base URL; undefined at a host that is not Google's. */
function namedSurface({ quirks, baseUrl }: ProviderSettings): Surface | undefined {
  if (quirks.surface === "gemini_api" || quirks.surface === "vertex") return quirks.surface;
  const host = URL.parse(baseUrl ?? DEFAULT_BASE_URL)?.hostname ?? "";
  if (/(^|[.-])aiplatform\.googleapis\.com$/.test(host)) return "vertex";
  return host === "generativelanguage.googleapis.com" ? "gemini_api" : undefined;
}

/** Vendors by surface, as the tables of prices have them. */
const SELLERS: Readonly<Record<Surface, string>> = { gemini_api: "gemini", vertex: "vertex" };

/**
 * The region that the base URL of Vertex AI says: the location in its path, else the one in its host, which without any is the global endpoint's.
 * Undefined for whatever is not there.
 */
export function regionOf({ baseUrl }: ProviderSettings): string | undefined {
  const { hostname, pathname } = URL.parse(baseUrl ?? DEFAULT_BASE_URL) ?? { hostname: "", pathname: "" };
  const host = /^(?:(.+)-)?aiplatform\.googleapis\.com$/.exec(hostname);
  return host === null ? undefined : (/\/locations\/([^/]+)/.exec(pathname)?.[1] ?? host[1] ?? "global");
}

/** Who bills an instance: Google at the surface that is named, else somebody whose prices are not known. */
export function sellerOf(settings: ProviderSettings): string {
  const surface = namedSurface(settings);
  return surface === undefined ? "compatible" : SELLERS[surface];
}
