import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Adapter, ProviderSettings, Transport } from "../../../src/adapters/adapter.ts";
import { adapterKinds } from "../../../src/adapters/index.ts";
import { openaiKind } from "../../../src/adapters/openai/index.ts";
import { ExecutionError } from "../../../src/errors.ts";
import { Secret } from "../../../src/secret.ts";
import { createEmulator, type Emulator } from "../../emulators/emulator.ts";
import type { Delivery, Exchange } from "../../emulators/exchange.ts";
import { syntheticChat } from "../../emulators/synthetic-chat.ts";
import { startSilentServer } from "../../support/silent-server.ts";
import { waitFor, within } from "../../support/wait.ts";
import { type Observation, observe } from "../shared/observe.ts";
import { createOpenai, openaiSettings, userRequest } from "./rig.ts";

let emulator: Emulator;
beforeEach(async () => {
  emulator = await createEmulator();
});
afterEach(async () => {
  await emulator.close();
});

const { body } = syntheticChat({ seed: 3, chunks: 4 });
const answer = (delivery?: Delivery): Exchange => ({
  headers: { "content-type": "text/event-stream" },
  body,
  ...(delivery !== undefined && { delivery }),
});

/** One chat with an instance of its own. */
async function chat(changes: Partial<ProviderSettings>, signal?: AbortSignal): Promise<Observation> {
  const adapter = createOpenai(openaiSettings(`${emulator.baseUrl}/v1`, changes));
  try {
    return await observe(adapter, userRequest("Hi"), { model: "small", ...(signal !== undefined && { signal }) });
  } finally {
    await adapter.close();
  }
}

test("the registry lists the kind", () => {
  expect(adapterKinds).toContain(openaiKind);
});

describe.each<Transport>(["native", "sdk"])("an instance over %s", (transport) => {
  test("sends the key as a bearer token, and its own headers", async () => {
    emulator.enqueue(answer());
    const headers = { "X-Team": new Secret("blue") };
    const { error } = await chat({ transport, apiKey: new Secret("sk-test"), headers });
    expect(error).toBeUndefined();
    const [received] = emulator.requests;
    expect(received).toMatchObject({
      method: "POST",
      path: "/v1/chat/completions",
      headers: {
        authorization: "Bearer sk-test",
        "x-team": "blue",
        "content-type": "application/json",
        accept: "text/event-stream",
      },
      json: { model: "small", messages: [{ role: "user", content: "Hi" }], stream: true },
    });
  });

  // Mutants seen red: a preview sent whatever its model, its request or its instance; one that is sent twice.
  test("sends what a preview built, once, and for its own instance, request and model only", async () => {
    const adapter = createOpenai(openaiSettings(`${emulator.baseUrl}/v1`, { transport }));
    const other = createOpenai(openaiSettings(`${emulator.baseUrl}/v1`, { transport }));
    const request = userRequest("Hi");
    const preview = adapter.preview({ request, model: "large" });
    expect(emulator.requests).toHaveLength(0);
    request.endUserId = "later";
    const send = async (by: Adapter, model: string, asked = request): Promise<void> => {
      emulator.enqueue(answer());
      expect((await observe(by, asked, { model, preview })).error).toBeUndefined();
    };
    await send(adapter, "small");
    await send(other, "large");
    await send(adapter, "large", { ...request });
    await send(adapter, "large");
    await send(adapter, "large");
    await adapter.close();
    await other.close();
    const told = emulator.requests.map(({ json }) => [
      Reflect.get(Object(json), "model"),
      Reflect.get(Object(json), "user"),
    ]);
    expect(told).toEqual([
      ["small", "later"],
      ["large", "later"],
      ["large", "later"],
      ["large", undefined],
      ["large", "later"],
    ]);
  });

  test("sends Azure's key header, below a base URL with a query", async () => {
    emulator.enqueue(answer());
    const baseUrl = `${emulator.baseUrl}/openai/deployments/d/?api-version=2024-10-21`;
    await chat({
      transport,
      baseUrl,
      apiKey: new Secret("azure-key"),
      quirks: { vendor: "azure", auth_header: "api-key" },
    });
    const [received] = emulator.requests;
    expect(received?.path).toBe("/openai/deployments/d/chat/completions");
    expect(received?.query.get("api-version")).toBe("2024-10-21");
    expect(received?.headers).toMatchObject({ "api-key": "azure-key" });
    expect(received?.headers).not.toHaveProperty("authorization");
  });

  test("sends no key where it has none, whatever the environment says (mutant: let the SDK read OPENAI_API_KEY)", async () => {
    process.env.OPENAI_API_KEY = "sk-environment";
    process.env.OPENAI_ORG_ID = "org-environment";
    try {
      emulator.enqueue(answer());
      await chat({ transport });
      expect(JSON.stringify(emulator.requests[0]?.rawHeaders)).not.toContain("environment");
      expect(emulator.requests[0]?.headers).not.toHaveProperty("authorization");
    } finally {
      delete process.env.OPENAI_API_KEY;
      delete process.env.OPENAI_ORG_ID;
    }
  });

  test("asks once, whatever the answer (mutant: leave the SDK's retries on)", async () => {
    const refusal = {
      status: 503,
      headers: { "content-type": "application/json", "retry-after": "0" },
      body: Buffer.from('{"error":{"message":"busy"}}'),
    };
    emulator.enqueue(refusal);
    expect((await chat({ transport })).error).toMatchObject({
      reason: "PROVIDER_UNAVAILABLE",
      extras: { provider: "near", model: "small", providerMessage: "busy", retryAfterMs: 0 },
    });
    expect(emulator.requests).toHaveLength(1);
  });

  test("reads a refusal of any shape whole", async () => {
    emulator.enqueue({
      status: 401,
      headers: { "content-type": "application/json" },
      body: Buffer.from('{"detail":"Invalid API Key"}'),
    });
    expect((await chat({ transport })).error).toMatchObject({
      reason: "PROVIDER_AUTH",
      extras: { providerMessage: "Invalid API Key" },
    });
  });

  test("does not follow a redirect", async () => {
    emulator.enqueue({ status: 307, headers: { location: "/elsewhere" } });
    expect((await chat({ transport })).error).toMatchObject({ reason: "PROVIDER_PROTOCOL" });
    expect(emulator.requests).toHaveLength(1);
  });

  // Mutants seen red: an HTTP client left to its own limits, of the connection, the headers or the wait; an SDK left to its own, or whose giving up is not told
  // from a broken network; a body of an SDK that is waited for as long as it likes.
  test("keeps its time limits: connection, headers, then the wait between reads", async () => {
    const timeouts = { connectMs: 100, headersMs: 150, idleMs: 250 };
    const late = async (baseUrl: string): Promise<Observation> =>
      within(chat({ transport, timeouts, baseUrl }), { what: "the end of the wait", timeoutMs: 5_000 });
    const silent = await startSilentServer();
    try {
      expect((await late(silent.url)).error).toMatchObject({ reason: "PROVIDER_TIMEOUT" });
    } finally {
      await silent.close();
    }
    emulator.enqueue({ delivery: { kind: "hold-headers" } });
    expect((await late(emulator.baseUrl)).error).toMatchObject({ reason: "PROVIDER_TIMEOUT" });
    emulator.enqueue(answer({ kind: "stall-after-events", events: 3 }));
    const { error, reads } = await late(emulator.baseUrl);
    expect(error).toMatchObject({ reason: "UPSTREAM_STALLED" });
    expect(reads.flat().length).toBeGreaterThan(0);
    await emulator.waitForIdle();
  });

  test("knows the faults of the network", async () => {
    emulator.enqueue({ delivery: { kind: "drop-before-headers" } });
    expect((await chat({ transport })).error).toMatchObject({ reason: "PROVIDER_NETWORK" });
    expect((await chat({ transport, baseUrl: "http://127.0.0.1:1" })).error).toMatchObject({
      reason: "PROVIDER_NETWORK",
    });
    expect((await chat({ transport, baseUrl: "http://provider.invalid" })).error).toMatchObject({
      reason: "PROVIDER_DNS",
    });
    emulator.enqueue(answer({ kind: "cut-after-events", events: 3, reset: true }));
    expect((await chat({ transport })).error).toMatchObject({ reason: "UPSTREAM_TRUNCATED" });
  });

  test("ends the request at once when the call is given up (mutant: do not pass the signal on)", async () => {
    const controller = new AbortController();
    const gone = new ExecutionError("CANCELLED", "gone");
    emulator.enqueue(answer({ kind: "hold-headers" }));
    const running = chat({ transport }, controller.signal);
    await emulator.waitForRequest(0);
    controller.abort(gone);
    expect((await running).error).toBe(gone);
    await emulator.waitForIdle();
    expect(emulator.requests[0]?.how).toBe("client-closed");
  });

  test("uses its connection again after an answer (mutant: close at the end marker)", async () => {
    const adapter = createOpenai(openaiSettings(`${emulator.baseUrl}/v1`, { transport }));
    for (let call = 0; call < 3; call += 1) {
      // The comment comes in a write of its own, after the end marker.
      const exchange = {
        ...answer({ kind: "event-per-write" }),
        body: Buffer.concat([body, Buffer.from(": bye\n\n")]),
      };
      emulator.enqueue(exchange);
      expect((await observe(adapter, userRequest("Hi"), { model: "small" })).error).toBeUndefined();
      await waitFor(() => emulator.inFlight() === 0, { what: "the answer's rest to be read" });
      // Our side sees the end a little later.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await adapter.close();
    expect(new Set(emulator.requests.map(({ connection }) => connection)).size).toBe(1);
    expect(emulator.requests.map(({ how }) => how)).toEqual(["completed", "completed", "completed"]);
  });
});

// Mutant seen red: an instance over HTTP that always spends.
test("an instance spends unless it is declared as one that nobody bills for", async () => {
  for (const [extra, spends] of [
    [{}, true],
    [{ spends: false }, false],
  ] as const) {
    const adapter = openaiKind.create(openaiSettings("http://127.0.0.1:1/v1", extra), {
      now: Date.now,
      newId: () => "id",
    });
    expect(adapter.spends).toBe(spends);
    await adapter.close();
  }
});

describe("what the kind checks", () => {
  test("are quirks, key and headers", () => {
    const settings = openaiSettings("http://127.0.0.1/v1", {
      apiKey: new Secret("a\nb"),
      headers: { "bad name": new Secret("x") },
      quirks: { end_marker: "never" },
    });
    expect(openaiKind.check(settings).map(({ path }) => path.join("."))).toEqual([
      "quirks.end_marker",
      "api_key",
      "headers.bad name",
    ]);
    expect(openaiKind.check(openaiSettings("http://127.0.0.1/v1"))).toEqual([]);
  });

  test("a body is sent as it was built, digits and order included, over both (mutant: let the SDK parse it)", async () => {
    const json: unknown[] = [];
    for (const transport of ["native", "sdk"] as const) {
      emulator.enqueue(answer());
      await chat({ transport });
      json.push(Buffer.from(emulator.requests.at(-1)?.rawBody ?? []).toString());
    }
    expect(json[1]).toBe(json[0]);
  });
});
