import type { SdkCall } from "../sdk-send.ts";

/** Headers that the SDK writes itself: it adds others to its own, and refuses the key among them. */
const SDK_OWN: ReadonlySet<string> = new Set(["content-type", "x-goog-api-key", "x-goog-api-client"]);

const KEY_HEADER = "x-goog-api-key";

/**
 * Loads Google's SDK (`@google/generative-ai`). It takes no `fetch`: it reads the global one within the call that starts a request, before that
 * returns, so for that moment the global one is ours. Address and body are this platform's: the SDK would read the body into objects, which lose
 * digits, and knows no stream but one of events. What it makes of the answer is thrown away, because it joins thoughts into text.
 * See docs/decisions/0007-gemini-sdk.md.
 */
export async function loadSdk(): Promise<SdkCall> {
  const { GoogleGenerativeAI } = await import("@google/generative-ai");
  return async ({ url, headers, body, signal }, fetchRaw, timeoutMs) => {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeoutMs);
    const key = headers[KEY_HEADER];
    const ours: typeof fetch = async (_, init) => {
      const sent = new Headers(init?.headers);
      if (key === undefined) sent.delete(KEY_HEADER);
      const either = AbortSignal.any([signal, late.signal]);
      const response = await fetchRaw(url, { ...init, headers: sent, body: body ?? null, signal: either });
      // The answer is not the SDK's to read.
      return response.ok ? new Response("") : response;
    };
    const customHeaders = Object.fromEntries(Object.entries(headers).filter(([name]) => !SDK_OWN.has(name)));
    // Should the SDK ever read it later, the key must still not reach another host than the configured one.
    const options = { customHeaders, baseUrl: url.origin };
    const model = new GoogleGenerativeAI(key ?? "").getGenerativeModel({ model: "unused" }, options);
    try {
      await withGlobalFetch(ours, () => model.generateContentStream({ contents: [] }));
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Runs what reads the global `fetch` before it returns, with another one in its place. Nothing else runs in the meantime. */
function withGlobalFetch<Result>(ours: typeof fetch, start: () => Result): Result {
  const theirs = globalThis.fetch;
  globalThis.fetch = ours;
  try {
    return start();
  } finally {
    globalThis.fetch = theirs;
  }
}
