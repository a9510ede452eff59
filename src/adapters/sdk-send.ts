import { ExecutionError } from "../errors.ts";
import type { ProviderTimeouts } from "./adapter.ts";
import { abortReason, type HttpRequest, type HttpResponse, type Send } from "./http.ts";
import { networkError } from "./network-errors.ts";
import { fromWebStream } from "./web-body.ts";

/** One request through an SDK: it goes out by `fetchRaw`, and what the SDK makes of the response or throws is of no interest. */
export type SdkCall = (request: HttpRequest, fetchRaw: typeof fetch, timeoutMs: number) => Promise<unknown>;

/**
 * Creates a `Send` that goes through an official SDK: its client builds and sends the request over its own `fetch`, with the proxies and the
 * network settings of the process, and hands over the raw response, which is then decoded like any other. The body is sent as it is. Redirects
 * are off; `load` brings the SDK with the first request and must switch off its retries, its logging and what it takes from the environment.
 */
export function createSdkSend(timeouts: ProviderTimeouts, load: () => Promise<SdkCall>): Send {
  let loading: Promise<SdkCall> | undefined;
  return async (request) => {
    request.signal.throwIfAborted();
    loading ??= load();
    return sendThroughSdk(await loading, request, timeouts);
  };
}

async function sendThroughSdk(call: SdkCall, request: HttpRequest, timeouts: ProviderTimeouts): Promise<HttpResponse> {
  const { signal } = request;
  let raw: Response | undefined;
  let isLate = false;
  const fetchRaw: typeof fetch = async (input, init) => {
    try {
      raw = await fetch(input, { ...init, redirect: "manual" });
    } catch (error) {
      // The SDK ends its own request in one case but the caller's: its time is over.
      isLate = init?.signal?.aborted === true;
      throw error;
    }
    // The SDK reads a refusal's body and keeps a part of it; our own error reader wants it whole.
    return raw.ok ? raw : new Response(null, { status: raw.status, headers: raw.headers });
  };
  try {
    await call(request, fetchRaw, timeouts.connectMs + timeouts.headersMs);
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
