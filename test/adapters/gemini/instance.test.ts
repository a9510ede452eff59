import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ProviderSettings, Transport } from "../../../src/adapters/adapter.ts";
import { geminiKind } from "../../../src/adapters/gemini/index.ts";
import { adapterKinds } from "../../../src/adapters/index.ts";
import { ExecutionError } from "../../../src/errors.ts";
import { Secret } from "../../../src/secret.ts";
import { createEmulator, type Emulator } from "../../emulators/emulator.ts";
import type { Delivery, Exchange } from "../../emulators/exchange.ts";
import { waitFor } from "../../support/wait.ts";
import { userRequest } from "../openai/rig.ts";
import { type Observation, observe } from "../shared/observe.ts";
import { createGemini, geminiSettings } from "./rig.ts";

let emulator: Emulator;
beforeEach(async () => {
  emulator = await createEmulator();
});
afterEach(async () => {
  await emulator.close();
});

const chunk = (text: string, finishReason?: string) => ({
  candidates: [{ content: { parts: [{ text }] }, ...(finishReason !== undefined && { finishReason }) }],
});
const chunks = [chunk("a"), chunk("b"), chunk("c"), chunk("d", "STOP")];
const body = Buffer.from(chunks.map((one) => `data: ${JSON.stringify(one)}\r\n\r\n`).join(""));
const answer = (delivery?: Delivery): Exchange => ({
  headers: { "content-type": "text/event-stream" },
  body,
  ...(delivery !== undefined && { delivery }),
});

/** One chat with an instance of its own. */
async function chat(changes: Partial<ProviderSettings>, signal?: AbortSignal): Promise<Observation> {
  const adapter = createGemini(geminiSettings(`${emulator.baseUrl}/v1beta`, changes));
  try {
    return await observe(adapter, userRequest("Hi"), {
      model: "gemini-2.5-flash",
      ...(signal !== undefined && { signal }),
    });
  } finally {
    await adapter.close();
  }
}

const texts = ({ reads }: Observation): string =>
  reads
    .flat()
    .map(({ event }) => (event.case === "textDelta" ? event.value.text : ""))
    .join("");

test("the registry lists the kind", () => {
  expect(adapterKinds).toContain(geminiKind);
});

test.each<[string, Partial<ProviderSettings>, string]>([
  ["the Gemini API", { baseUrl: "https://generativelanguage.googleapis.com/v1beta" }, "gemini"],
  ["the Gemini API by a quirk", { quirks: { surface: "gemini_api" } }, "gemini"],
  ["a host of somebody else", {}, "compatible"],
  ["a host that looks like Google's", { baseUrl: "https://generativelanguage.googleapis.com.example" }, "compatible"],
  ["Vertex AI by its host", { baseUrl: "https://aiplatform.googleapis.com/v1/publishers/google" }, "vertex"],
  ["Vertex AI by a quirk", { quirks: { surface: "vertex" } }, "vertex"],
])("an instance of %s has its seller's prices, and the same state (mutant: one seller)", async (_, changes, seller) => {
  const adapter = createGemini(geminiSettings(`${emulator.baseUrl}/v1beta`, changes));
  expect([adapter.owner, adapter.seller]).toEqual(["gemini", seller]);
  await adapter.close();
});

describe.each<Transport>(["native", "sdk"])("an instance over %s", (transport) => {
  test("sends the key in its header, and the instance's own headers, once each", async () => {
    emulator.enqueue(answer());
    const headers = { "X-Team": new Secret("blue") };
    const observed = await chat({ transport, apiKey: new Secret("test-key"), headers });
    expect([observed.error, texts(observed)]).toEqual([undefined, "abcd"]);
    const [received] = emulator.requests;
    expect(received).toMatchObject({
      method: "POST",
      path: "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
      headers: {
        "x-goog-api-key": "test-key",
        "x-team": "blue",
        "content-type": "application/json",
        accept: "text/event-stream",
      },
      json: { contents: [{ role: "user", parts: [{ text: "Hi" }] }] },
    });
    expect(received?.query.get("alt")).toBe("sse");
    expect(received?.headers).not.toHaveProperty("authorization");
  });

  test("sends a token as Vertex AI takes it, below a base URL with a query", async () => {
    emulator.enqueue(answer());
    const baseUrl = `${emulator.baseUrl}/v1/projects/p/locations/l/publishers/google/?trace=1`;
    await chat({ transport, baseUrl, apiKey: new Secret("token"), quirks: { auth_header: "authorization" } });
    const [received] = emulator.requests;
    expect(received?.path).toBe(
      "/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-flash:streamGenerateContent",
    );
    expect(Object.fromEntries(received?.query ?? [])).toEqual({ trace: "1", alt: "sse" });
    expect(received?.headers).toMatchObject({ authorization: "Bearer token" });
    expect(received?.headers).not.toHaveProperty("x-goog-api-key");
  });

  test("sends no key where it has none, whatever the environment says (mutant: send the SDK's placeholder)", async () => {
    process.env.GEMINI_API_KEY = "environment";
    process.env.GOOGLE_API_KEY = "environment";
    try {
      emulator.enqueue(answer());
      await chat({ transport });
      expect(JSON.stringify(emulator.requests[0]?.rawHeaders)).not.toContain("environment");
      expect(emulator.requests[0]?.headers).not.toHaveProperty("x-goog-api-key");
    } finally {
      delete process.env.GEMINI_API_KEY;
      delete process.env.GOOGLE_API_KEY;
    }
  });

  test("asks for a whole answer, or for an array, and reads it", async () => {
    const headers = { "content-type": "application/json" };
    emulator.enqueue({ headers, body: Buffer.from(JSON.stringify(chunk("whole", "STOP"))) });
    expect(texts(await chat({ transport, quirks: { stream: false } }))).toBe("whole");
    emulator.enqueue({ headers, body: Buffer.from(JSON.stringify(chunks)) });
    expect(texts(await chat({ transport, quirks: { stream_framing: "array" } }))).toBe("abcd");
    expect(emulator.requests.map(({ path, query, headers: sent }) => [path, query.size, sent.accept])).toEqual([
      ["/v1beta/models/gemini-2.5-flash:generateContent", 0, "application/json"],
      ["/v1beta/models/gemini-2.5-flash:streamGenerateContent", 0, "application/json"],
    ]);
  });

  test("asks once, whatever the answer, and reads a refusal whole", async () => {
    const error = { code: 503, status: "UNAVAILABLE", message: "busy", details: [{ retryDelay: "3s" }] };
    emulator.enqueue({
      status: 503,
      headers: { "content-type": "application/json" },
      body: Buffer.from(JSON.stringify({ error })),
    });
    expect((await chat({ transport })).error).toMatchObject({
      reason: "PROVIDER_UNAVAILABLE",
      extras: { provider: "near", model: "gemini-2.5-flash", providerMessage: "busy", retryAfterMs: 3000 },
    });
    expect(emulator.requests).toHaveLength(1);
  });

  test("does not follow a redirect", async () => {
    emulator.enqueue({ status: 307, headers: { location: "/elsewhere" } });
    expect((await chat({ transport })).error).toMatchObject({ reason: "PROVIDER_PROTOCOL" });
    expect(emulator.requests).toHaveLength(1);
  });

  // Mutants seen red: an HTTP client left to its own limits, of the headers or of the wait; an SDK's call without a timer; its body waited for as long as it likes.
  test("keeps its time limits: headers, then the wait between reads", async () => {
    const timeouts = { connectMs: 100, headersMs: 150, idleMs: 250 };
    emulator.enqueue({ delivery: { kind: "hold-headers" } });
    expect((await chat({ transport, timeouts })).error).toMatchObject({ reason: "PROVIDER_TIMEOUT" });
    emulator.enqueue(answer({ kind: "stall-after-events", events: 3 }));
    const { error, reads } = await chat({ transport, timeouts });
    expect(error).toMatchObject({ reason: "UPSTREAM_STALLED" });
    expect(reads.flat().length).toBeGreaterThan(0);
    await emulator.waitForIdle();
  });

  test("does not count the time of the answer to that of its headers (mutant: leave the SDK's timer running)", async () => {
    const timeouts = { connectMs: 50, headersMs: 100, idleMs: 5000 };
    emulator.enqueue(answer({ kind: "stall-after-events", events: 3 }));
    const controller = new AbortController();
    const running = chat({ transport, timeouts }, controller.signal);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(emulator.inFlight()).toBe(1);
    controller.abort(new ExecutionError("CANCELLED", "given up"));
    expect((await running).error).toMatchObject({ reason: "CANCELLED" });
  });

  test("knows the faults of the network", async () => {
    emulator.enqueue({ delivery: { kind: "drop-before-headers" } });
    expect((await chat({ transport })).error).toMatchObject({ reason: "PROVIDER_NETWORK" });
    expect((await chat({ transport, baseUrl: "http://127.0.0.1:1" })).error).toMatchObject({
      reason: "PROVIDER_NETWORK",
    });
    emulator.enqueue(answer({ kind: "cut-after-events", events: 3, reset: true }));
    expect((await chat({ transport })).error).toMatchObject({ reason: "UPSTREAM_TRUNCATED" });
  });

  test("ends the request at once when the call is given up (mutant: do not pass the signal on)", async () => {
    emulator.enqueue({ delivery: { kind: "hold-headers" } });
    const controller = new AbortController();
    const running = chat({ transport }, controller.signal);
    await waitFor(() => emulator.inFlight() === 1, { what: "the request to arrive" });
    controller.abort(new ExecutionError("CANCELLED", "given up"));
    expect((await running).error).toMatchObject({ reason: "CANCELLED" });
    await emulator.waitForIdle();
  });
});

test("the SDK is lent the global fetch for the call alone (mutant: put it back when the request is over)", async () => {
  const before = globalThis.fetch;
  emulator.enqueue(answer({ kind: "stall-after-events", events: 1 }));
  const controller = new AbortController();
  const running = chat({ transport: "sdk" }, controller.signal);
  await waitFor(() => emulator.inFlight() === 1, { what: "the request to arrive" });
  expect(globalThis.fetch).toBe(before);
  controller.abort(new ExecutionError("CANCELLED", "given up"));
  await running;
  expect(globalThis.fetch).toBe(before);
});

test("settings that no call could work with are refused when they are read", () => {
  const settings = geminiSettings("http://near", { apiKey: new Secret("a\nb"), quirks: { thinking: "deep" } });
  expect(geminiKind.check(settings).map(({ path }) => path.join("."))).toEqual(["quirks.thinking", "api_key"]);
});
