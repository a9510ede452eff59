import { chatEvent } from "../../contract/events.ts";
import type { Adapter, AdapterDeps, AdapterKind, AttemptInput, ProviderSettings } from "../adapter.ts";
import { createExchanges, type PreparedRequest } from "../exchange.ts";
import { createHttpClient } from "../http.ts";
import { checkHeaders, joinUrl } from "../request-head.ts";
import { readError } from "./errors.ts";
import { capabilitiesOf, listModels } from "./models.ts";
import { checkQuirks, resolveQuirks, vendorOfSettings } from "./quirk-settings.ts";
import type { Quirks } from "./quirks.ts";
import { buildRequest } from "./request.ts";
import { createSdkSend } from "./sdk.ts";
import { createDecoder } from "./stream.ts";

/** Models are words of the caller's, so what is kept of them is bounded. */
const maxKnownModels = 100;

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
  const http = createHttpClient({ timeouts: settings.timeouts });
  const send = settings.transport === "sdk" ? createSdkSend(settings.timeouts) : http.send;
  const exchanges = createExchanges();
  const quirksOf = memoize(maxKnownModels, (model) => resolveQuirks(settings, model));
  return {
    settings,
    owner: vendorOfSettings(settings),
    spends: true,
    ...(settings.defaultModel !== undefined && { defaultModel: settings.defaultModel }),
    model: (name) => capabilitiesOf(settings, name),
    models: () => listModels(settings),
    chat: (input) => {
      const quirks = quirksOf(input.model);
      return exchanges.run({
        provider: settings.name,
        model: input.model,
        prepare: () => prepare(settings, quirks, input),
        send,
        onHeaders: input.onHeaders,
        decoder: createDecoder({ step: input.step, attempt: input.attempt, quirks, newId }),
        readError: (answer) => readError(answer, now()),
      });
    },
    close: async () => {
      await exchanges.settled();
      await http.close();
    },
  };
}

function prepare(
  settings: ProviderSettings,
  quirks: Quirks,
  { request, model, signal }: AttemptInput,
): PreparedRequest {
  const { path, body, stream, warnings } = buildRequest({ request, model, quirks });
  return {
    first: warnings.map((value) => chatEvent({ case: "warning", value })),
    request: {
      method: "POST",
      url: joinUrl(settings.baseUrl ?? defaultBaseUrl, path),
      headers: headersOf(settings, quirks, stream),
      body,
      signal,
    },
  };
}

function headersOf(
  { apiKey, headers }: ProviderSettings,
  { authHeader }: Quirks,
  stream: boolean,
): Record<string, string> {
  const key = apiKey?.reveal();
  const extra = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.reveal()] as const);
  return {
    accept: stream ? "text/event-stream" : "application/json",
    "content-type": "application/json",
    "user-agent": "execution-platform",
    ...(key !== undefined && { [authHeader]: authHeader === "authorization" ? `Bearer ${key}` : key }),
    ...Object.fromEntries(extra),
  };
}

function memoize<Value>(maxSize: number, make: (key: string) => Value): (key: string) => Value {
  const known = new Map<string, Value>();
  return (key) => {
    const value = known.get(key) ?? make(key);
    if (known.size >= maxSize) known.clear();
    known.set(key, value);
    return value;
  };
}
