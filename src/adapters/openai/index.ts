import type { Adapter, AdapterDeps, AdapterKind, ProviderSettings } from "../adapter.ts";
import { byModel, createHttpAdapter, requestHeaders } from "../http-adapter.ts";
import { checkHeaders, joinUrl } from "../request-head.ts";
import { readError } from "./errors.ts";
import { capabilitiesOf, modelsOf } from "./models.ts";
import { checkQuirks, regionOf, resolveQuirks, vendorOfSettings } from "./quirk-settings.ts";
import type { Quirks } from "./quirks.ts";
import { buildRequest } from "./request.ts";
import { loadSdk } from "./sdk.ts";
import { createDecoder } from "./stream.ts";

const defaultBaseUrl = "https://api.openai.com/v1";

/**
 * Any server that speaks OpenAI's chat completions: OpenAI, Azure (base URL of a deployment with its `api-version` query, or of `/openai/v1`),
 * and the compatible servers by their base URL. What is peculiar to a server is data, see `Quirks`.
 */
export const openaiKind: AdapterKind = {
  kind: "openai",
  defaultBaseUrl,
  vendorKeyVariable: "OPENAI_API_KEY",
  needsKey: true,
  check: (settings) => [...checkQuirks(settings), ...checkHeaders(settings)],
  create: createOpenai,
};

function createOpenai(settings: ProviderSettings, { now, newId }: AdapterDeps): Adapter {
  const knownOf = byModel((model) => {
    const { maxOutputTokens } = capabilitiesOf(settings, model);
    return { quirks: resolveQuirks(settings, model), ...(maxOutputTokens !== undefined && { maxOutputTokens }) };
  });
  return createHttpAdapter({
    settings,
    owner: vendorOfSettings(settings),
    seller: vendorOfSettings(settings),
    region: regionOf(settings),
    model: (name) => capabilitiesOf(settings, name),
    models: () => modelsOf(settings),
    loadSdk,
    build: ({ request, model }) => {
      const known = knownOf(model);
      const { path, body, stream, warnings } = buildRequest({ request, model, ...known });
      const url = joinUrl(settings.baseUrl ?? defaultBaseUrl, path);
      return { url, headers: requestHeaders(settings, stream, keyHeader(settings, known.quirks)), body, warnings };
    },
    decoder: ({ model, step, attempt }) => createDecoder({ step, attempt, quirks: knownOf(model).quirks, newId }),
    readError: (answer) => readError(answer, now()),
  });
}

function keyHeader({ apiKey }: ProviderSettings, { authHeader }: Quirks): Record<string, string> {
  const key = apiKey?.reveal();
  if (key === undefined) return {};
  return { [authHeader]: authHeader === "authorization" ? `Bearer ${key}` : key };
}
