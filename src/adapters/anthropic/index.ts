import type { Adapter, AdapterDeps, AdapterKind, ProviderSettings } from "../adapter.ts";
import { byModel, createHttpAdapter, requestHeaders } from "../http-adapter.ts";
import { checkHeaders, joinUrl } from "../request-head.ts";
import { OWNER } from "./blocks.ts";
import { readError } from "./errors.ts";
import { capabilitiesOf, modelsOf } from "./models.ts";
import { checkQuirks, resolveQuirks } from "./quirk-settings.ts";
import type { Quirks } from "./quirks.ts";
import { buildRequest } from "./request.ts";
import { loadSdk } from "./sdk.ts";
import { createDecoder } from "./stream.ts";
import { vendorOfSettings } from "./vendor.ts";

const defaultBaseUrl = "https://api.anthropic.com";

/** The version of the API whose answers `stream.ts` reads and whose bodies `request.ts` writes. */
const apiVersion = "2023-06-01";

/**
 * Anthropic's Messages API (platform.claude.com/docs/en/api/messages), and the servers of other vendors that speak it, by their base URL. What
 * is peculiar to a server or a model is data, see `Quirks`.
 */
export const anthropicKind: AdapterKind = {
  kind: "anthropic",
  defaultBaseUrl,
  vendorKeyVariable: "ANTHROPIC_API_KEY",
  needsKey: true,
  check: (settings) => [...checkQuirks(settings), ...checkHeaders(settings)],
  create: createAnthropic,
};

function createAnthropic(settings: ProviderSettings, { now, newId }: AdapterDeps): Adapter {
  const knownOf = byModel((model) => {
    const { maxOutputTokens } = capabilitiesOf(settings, model);
    return { quirks: resolveQuirks(settings, model), ...(maxOutputTokens !== undefined && { maxOutputTokens }) };
  });
  return createHttpAdapter({
    settings,
    owner: OWNER,
    seller: vendorOfSettings(settings),
    model: (name) => capabilitiesOf(settings, name),
    models: () => modelsOf(settings),
    loadSdk,
    build: ({ request, model }) => {
      const known = knownOf(model);
      const { path, body, stream, betas, warnings } = buildRequest({ request, model, ...known });
      const url = joinUrl(settings.baseUrl ?? defaultBaseUrl, path);
      return {
        url,
        headers: requestHeaders(settings, stream, ownHeaders(settings, known.quirks, betas)),
        body,
        warnings,
      };
    },
    decoder: ({ step, attempt }) => createDecoder({ step, attempt, newId }),
    readError: (answer) => readError(answer, now()),
  });
}

function ownHeaders(
  { apiKey }: ProviderSettings,
  { authHeader }: Quirks,
  betas: readonly string[],
): Record<string, string> {
  const key = apiKey?.reveal();
  return {
    "anthropic-version": apiVersion,
    ...(betas.length > 0 && { "anthropic-beta": betas.join(",") }),
    ...(key !== undefined && { [authHeader]: authHeader === "authorization" ? `Bearer ${key}` : key }),
  };
}
