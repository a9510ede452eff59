import type { SdkCall } from "../sdk-send.ts";

/** Loads OpenAI's SDK. Its retries and logging are off, and it takes no key, organisation or address from the environment. */
export async function loadSdk(): Promise<SdkCall> {
  const { OpenAI: Client } = await import("openai");
  return async ({ method, url, headers, body, signal }, fetchRaw, timeout) => {
    const client = new Client({
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
    // Without a key of ours there is none, not the client's placeholder.
    const options = { headers: { authorization: null, ...headers }, body, signal, timeout };
    await (method === "POST" ? client.post(url.href, options) : client.get(url.href, options)).asResponse();
  };
}
