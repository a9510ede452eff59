import type { SdkCall } from "../sdk-send.ts";

/**
 * Loads Anthropic's SDK. Its retries, logging and tracing are off, and it takes no key, token, profile, address or header from the environment
 * (`ANTHROPIC_CUSTOM_HEADERS` has no switch): out go our headers and those that say which SDK it is.
 */
export async function loadSdk(): Promise<SdkCall> {
  const { Anthropic: Client } = await import("@anthropic-ai/sdk");
  return async ({ method, url, headers, body, signal }, fetchRaw, timeout) => {
    const client = new Client({
      apiKey: "unused",
      webhookKey: null,
      baseURL: "https://unused.invalid",
      logLevel: "off",
      maxRetries: 0,
      openTelemetry: false,
      fetch: (input, init) => fetchRaw(input, { ...init, headers: ownHeaders(new Headers(init?.headers), headers) }),
    });
    // Without a key of ours there is none, not the client's placeholder.
    const options = { headers: { authorization: null, ...headers }, body, signal, timeout };
    await (method === "POST" ? client.post(url.href, options) : client.get(url.href, options)).asResponse();
  };
}

function ownHeaders(sent: Headers, ours: Readonly<Record<string, string>>): Record<string, string> {
  const isOwn = (name: string): boolean => Object.hasOwn(ours, name) || name.startsWith("x-stainless-");
  return Object.fromEntries([...sent].filter(([name]) => isOwn(name)));
}
