import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import { Executor } from "../../gen/execution/v1/content_pb.js";
import type { Adapter, AdapterDeps, AdapterKind, ProviderSettings } from "../adapter.ts";
import { byModel, createHttpAdapter, requestHeaders } from "../http-adapter.ts";
import { checkHeaders, joinUrl } from "../request-head.ts";
import { OWNER } from "./content.ts";
import { readError } from "./errors.ts";
import { capabilitiesOf, modelsOf } from "./models.ts";
import { checkQuirks, DEFAULT_BASE_URL, regionOf, resolveQuirks, sellerOf } from "./quirk-settings.ts";
import type { Quirks } from "./quirks.ts";
import { buildRequest } from "./request.ts";
import { loadSdk } from "./sdk.ts";
import { createDecoder } from "./stream.ts";

/**
 * Google's `generateContent`: the Gemini API, and Vertex AI where its wire is the same (base URL up to `/publishers/google`, with a key of express
 * mode, or an access token as `Authorization: Bearer`). What is peculiar to a surface or model is data, see `Quirks`.
 */
export const geminiKind: AdapterKind = {
  kind: "gemini",
  defaultBaseUrl: DEFAULT_BASE_URL,
  vendorKeyVariable: "GEMINI_API_KEY",
  needsKey: true,
  check: (settings) => [...checkQuirks(settings), ...checkHeaders(settings)],
  create: createGemini,
};

function createGemini(settings: ProviderSettings, { now, newId }: AdapterDeps): Adapter {
  const knownOf = byModel((model) => {
    const { maxOutputTokens } = capabilitiesOf(settings, model);
    return { quirks: resolveQuirks(settings, model), ...(maxOutputTokens !== undefined && { maxOutputTokens }) };
  });
  return createHttpAdapter({
    settings,
    owner: OWNER,
    seller: sellerOf(settings),
    region: regionOf(settings),
    model: (name) => capabilitiesOf(settings, name),
    models: () => modelsOf(settings),
    loadSdk,
    build: ({ request, model }) => {
      const known = knownOf(model);
      const { path, query, body, stream, warnings } = buildRequest({ request, model, ...known });
      const url = joinUrl(settings.baseUrl ?? DEFAULT_BASE_URL, path);
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
      return { url, headers: requestHeaders(settings, stream, keyHeader(settings, known.quirks)), body, warnings };
    },
    decoder: ({ request, step, attempt }) => createDecoder({ step, attempt, newId, executorOf: executors(request) }),
    readError: (answer) => readError(answer, now()),
  });
}

function keyHeader({ apiKey }: ProviderSettings, { authHeader }: Quirks): Record<string, string> {
  const key = apiKey?.reveal();
  if (key === undefined) return {};
  return { [authHeader]: authHeader === "authorization" ? `Bearer ${key}` : key };
}

/**
 * Who runs the functions a model calls. The provider calls those of the MCP servers that it was given itself, and shows the call like any other;
 * only that the caller offered no function of this name tells them apart.
 */
function executors({ tools, providerTools }: ChatRequest): (name: string) => Executor {
  const hasServers = providerTools.some(({ kind }) => /^mcp_?servers$/i.test(kind));
  if (!hasServers) return () => Executor.CALLER;
  const offered = new Set(tools.map(({ name }) => name));
  return (name) => (offered.has(name) ? Executor.CALLER : Executor.PROVIDER);
}
