import type { OpenAI } from "openai";
import { ExecutionError } from "../../errors.ts";
import type { ProviderTimeouts } from "../adapter.ts";
import { abortReason, type HttpRequest, type HttpResponse, type Send } from "../http.ts";
import { networkError } from "../network-errors.ts";
import { fromWebStream } from "../web-body.ts";

/**
 * Creates a `Send` that goes through the official SDK: its client builds and sends the request over its own `fetch`, with the proxies and
 * the network settings of the process, and hands over the raw response, which is then decoded like any other. The body is sent as it is.
 * Retries, logging, redirects and the environment's keys, organisation and base URL are off. The SDK loads with the first request.
 */
export function createSdkSend(timeouts: ProviderTimeouts): Send {
  let loading: Promise<typeof import("openai")> | undefined;
  return async (request) => {
    request.signal.throwIfAborted();
    loading ??= import("openai");
    return sendThroughSdk(await loading, request, timeouts);
  };
}

async function sendThroughSdk(
  sdk: typeof import("openai"),
  { method, url, headers, body, signal }: HttpRequest,
  timeouts: ProviderTimeouts,
): Promise<HttpResponse> {
  let raw: Response | undefined;
  let isLate = false;
  const client = createClient(sdk, async (input, init) => {
    try {
      raw = await fetch(input, { ...init, redirect: "manual" });
    } catch (error) {
      // The SDK ends its own request in one case but the caller's: its time is over.
      isLate = init?.signal?.aborted === true;
      throw error;
    }
    // The SDK reads a refusal's body and keeps a part of it; our own error reader wants it whole.
    return raw.ok ? raw : new Response(null, { status: raw.status, headers: raw.headers });
  });
  const options = {
    // Without a key of ours there is none, not the client's placeholder.
    headers: { authorization: null, ...headers },
    body,
    signal,
    timeout: timeouts.connectMs + timeouts.headersMs,
  };
  try {
    await (method === "POST" ? client.post(url.href, options) : client.get(url.href, options)).asResponse();
  } catch (error) {
    if (signal.aborted) throw abortReason(signal);
    if (isLate) throw new ExecutionError("PROVIDER_TIMEOUT", "the provider did not answer in time", { cause: error });
    if (raw === undefined) throw networkError(error, "request");
  }
  if (raw === undefined) throw new ExecutionError("BUG", "the SDK answered without a response");
  return {
    status: raw.status,
    headers: Object.fromEntries(raw.headers),
    body: fromWebStream(raw.body, { idleMs: timeouts.idleMs, signal }),
  };
}

function createClient({ OpenAI: Client }: typeof import("openai"), fetchRaw: typeof fetch): OpenAI {
  return new Client({
    apiKey: "unused",
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    baseURL: "https://unused.invalid",
    logLevel: "off",
    maxRetries: 0,
    fetch: fetchRaw,
  });
}
