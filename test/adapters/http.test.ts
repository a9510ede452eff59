import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createHttpClient, type HttpClient, type HttpRequest, type HttpResponse } from "../../src/adapters/http.ts";
import { ExecutionError } from "../../src/errors.ts";
import { createEmulator, type Emulator } from "../emulators/emulator.ts";
import { createCertificate } from "../support/certificate.ts";
import { startSilentServer } from "../support/silent-server.ts";
import { waitFor, within } from "../support/wait.ts";

const timeouts = { connectMs: 5_000, headersMs: 5_000, idleMs: 5_000 };
/** A wait between two pieces that is long for a provider, and one of a reader's in which undici's coarse clock has seen it pass. */
const IDLE_MS = 300;
const MUCH_LONGER_MS = 2_500;
const gone = new ExecutionError("CANCELLED", "the caller left");
const stream = { "content-type": "text/event-stream" };

let emulator: Emulator;
let client: HttpClient;
beforeEach(async () => {
  emulator = await createEmulator();
  client = createHttpClient({ timeouts });
});
afterEach(async () => {
  await client.close();
  await emulator.close();
});

function post(url: string, changes: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: "POST",
    url: new URL(url),
    headers: { "content-type": "application/json" },
    body: "{}",
    signal: new AbortController().signal,
    ...changes,
  };
}

async function readAll({ body }: HttpResponse): Promise<string> {
  let text = "";
  for (let bytes = await body.read(); bytes !== undefined; bytes = await body.read()) text += Buffer.from(bytes);
  return text;
}

describe("the HTTP client", () => {
  test("sends a request and reads its response", async () => {
    emulator.enqueue({ status: 201, headers: { "X-Multi": ["a", "b"], ...stream }, body: Buffer.from("data: 1\n\n") });
    const response = await client.send(
      post(`${emulator.baseUrl}/v1/chat?x=1`, { headers: { "x-own": "é" }, body: '{"a":1}' }),
    );
    expect(response.status).toBe(201);
    expect(response.headers).toMatchObject({ "x-multi": "a, b", "content-type": "text/event-stream" });
    expect(await readAll(response)).toBe("data: 1\n\n");
    const [received] = emulator.requests;
    expect(received).toMatchObject({ method: "POST", path: "/v1/chat", json: { a: 1 } });
    expect(received?.query.get("x")).toBe("1");
    expect(received?.headers["x-own"]).toBe("é");
  });

  test("uses a connection again (mutant: connections of their own for each request)", async () => {
    for (const text of ["a", "b", "c"]) {
      emulator.enqueue({ headers: stream, body: Buffer.from(text) });
      expect(await readAll(await client.send(post(emulator.baseUrl)))).toBe(text);
      // undici hands a connection out again one turn after its response has ended.
      await turn();
    }
    expect(emulator.requests.map(({ connection }) => connection)).toEqual([0, 0, 0]);
  });

  test("gives a read what has arrived in the meantime in one piece (mutant: one piece a chunk)", async () => {
    emulator.enqueue({
      headers: stream,
      body: Buffer.from("data: 1\n\n".repeat(50)),
      delivery: { kind: "event-per-write" },
    });
    const { body } = await client.send(post(emulator.baseUrl));
    await emulator.waitForIdle();
    await waitFor(() => emulator.inFlight() === 0, { what: "the answer to be sent" });
    let reads = 0;
    for (let bytes = await body.read(); bytes !== undefined; bytes = await body.read()) {
      reads += 1;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(reads).toBeLessThan(10);
  });

  test("does not follow a redirect (mutant: follow it)", async () => {
    emulator.enqueue({ status: 307, headers: { location: `${emulator.baseUrl}/elsewhere` } });
    expect((await client.send(post(emulator.baseUrl))).status).toBe(307);
    expect(emulator.requests).toHaveLength(1);
  });

  // Mutants seen red: the connection is never paused; a limit of our own on the time between two pieces, which goes on while it is.
  test("reads at the reader's pace, and does not take one who is slow for a provider that stalls", async () => {
    const hasty = createHttpClient({ timeouts: { ...timeouts, idleMs: IDLE_MS } });
    const piece = Buffer.from(`data: ${"x".repeat(8_000)}\n\n`);
    const body = Buffer.concat(Array.from({ length: 5_000 }, () => piece));
    emulator.enqueue({ headers: stream, body, delivery: { kind: "event-per-write" } });
    try {
      const response = await hasty.send(post(emulator.baseUrl));
      await sleep(MUCH_LONGER_MS);
      expect(emulator.requests[0]?.sentBytes).toBeLessThan(body.length);
      expect((await readAll(response)).length).toBe(body.length);
    } finally {
      await hasty.close();
    }
  });

  test("knows the faults before the headers", async () => {
    emulator.enqueue(
      { delivery: { kind: "drop-before-headers" } },
      { delivery: { kind: "drop-before-headers", reset: true } },
    );
    const sent = { reason: "PROVIDER_NETWORK", extras: expect.not.objectContaining({ unsent: true }) };
    await expect(client.send(post(emulator.baseUrl))).rejects.toMatchObject(sent);
    await expect(client.send(post(emulator.baseUrl))).rejects.toMatchObject(sent);
    const extras = { unsent: true };
    await expect(client.send(post("http://127.0.0.1:1/"))).rejects.toMatchObject({
      reason: "PROVIDER_NETWORK",
      extras,
    });
    await expect(client.send(post("http://provider.invalid/"))).rejects.toMatchObject({
      reason: "PROVIDER_DNS",
      extras,
    });
    await expect(client.send(post(emulator.baseUrl, { headers: { "x-bad": "a\nb" } }))).rejects.toMatchObject({
      reason: "BUG",
    });
  });

  test("bounds the size of the headers (mutant: no maxHeaderSize)", async () => {
    emulator.enqueue({ headers: { "x-large": Array.from({ length: 100 }, () => "x".repeat(1_000)) } });
    await expect(client.send(post(emulator.baseUrl))).rejects.toMatchObject({ reason: "PROVIDER_PROTOCOL" });
  });

  test.each([
    ["FIN", { kind: "cut-after-events", events: 1 }],
    ["RST", { kind: "cut-after-events", events: 1, reset: true }],
  ] as const)("a body that breaks off by %s is truncated, after what came", async (_, delivery) => {
    emulator.enqueue({ headers: stream, body: Buffer.from("data: 1\n\ndata: 2\n\n"), delivery });
    const { body } = await client.send(post(emulator.baseUrl));
    const read = async (): Promise<never> => {
      while (true) if ((await body.read()) === undefined) throw new Error("a clean end");
    };
    await expect(read()).rejects.toMatchObject({ reason: "UPSTREAM_TRUNCATED" });
  });

  // Mutant seen red: undici left to its own ten seconds.
  test("gives up on a connection that does not come about, of which nothing was sent", async () => {
    const silent = await startSilentServer();
    const hasty = createHttpClient({ timeouts: { ...timeouts, connectMs: 100 } });
    try {
      const sending = within(hasty.send(post(silent.url)), { what: "the end of the wait", timeoutMs: 8_000 });
      await expect(sending).rejects.toMatchObject({ reason: "PROVIDER_TIMEOUT", extras: { unsent: true } });
      expect(silent.connections()).toBe(1);
    } finally {
      await hasty.close();
      await silent.close();
    }
  });

  // Mutants seen red: undici left to its own limits, of the headers or of the body.
  test("gives up on headers that do not come and on a body that stalls", async () => {
    const hasty = createHttpClient({ timeouts: { connectMs: 500, headersMs: 200, idleMs: 200 } });
    emulator.enqueue({ delivery: { kind: "hold-headers" } });
    await expect(hasty.send(post(emulator.baseUrl))).rejects.toMatchObject({ reason: "PROVIDER_TIMEOUT" });
    emulator.enqueue({
      headers: stream,
      body: Buffer.from("data: 1\n\n"),
      delivery: { kind: "stall-after-events", events: 1 },
    });
    const { body } = await hasty.send(post(emulator.baseUrl));
    expect(Buffer.from((await body.read()) ?? []).toString()).toBe("data: 1\n\n");
    await expect(body.read()).rejects.toMatchObject({ reason: "UPSTREAM_STALLED" });
    await emulator.waitForIdle();
    await hasty.close();
  });
});

describe("giving up", () => {
  test("before the request: nothing is sent", async () => {
    await expect(client.send(post(emulator.baseUrl, { signal: AbortSignal.abort(gone) }))).rejects.toBe(gone);
    expect(emulator.requests).toHaveLength(0);
  });

  test("while there is no connection yet says that nothing was sent (mutant: sent whenever it is given up)", async () => {
    const silent = await startSilentServer();
    const controller = new AbortController();
    const sending = client.send(post(silent.url, { signal: controller.signal }));
    try {
      await waitFor(() => silent.connections() === 1, { what: "the connection" });
      controller.abort(gone);
      await expect(sending).rejects.toMatchObject({ reason: gone.reason, extras: { unsent: true } });
    } finally {
      await silent.close();
    }
  });

  test("while waiting for headers ends the request (mutant: no abort listener)", async () => {
    const controller = new AbortController();
    emulator.enqueue({ delivery: { kind: "hold-headers" } });
    const sending = client.send(post(emulator.baseUrl, { signal: controller.signal }));
    await emulator.waitForRequest(0);
    controller.abort(gone);
    await expect(sending).rejects.toBe(gone);
    await emulator.waitForIdle();
    expect(emulator.requests[0]?.how).toBe("client-closed");
  });

  test("while reading ends the request and drops what was not read (mutant: deliver the queue first)", async () => {
    const controller = new AbortController();
    emulator.enqueue({
      headers: stream,
      body: Buffer.from("data: 1\n\n"),
      delivery: { kind: "stall-after-events", events: 1 },
    });
    const { body } = await client.send(post(emulator.baseUrl, { signal: controller.signal }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    controller.abort(gone);
    await expect(body.read()).rejects.toBe(gone);
    await emulator.waitForIdle();
    expect(emulator.requests[0]?.how).toBe("client-closed");
  });

  test("by closing the body ends the request, and closing again is harmless", async () => {
    emulator.enqueue({
      headers: stream,
      body: Buffer.from("data: 1\n\n"),
      delivery: { kind: "stall-after-events", events: 1 },
    });
    const { body } = await client.send(post(emulator.baseUrl));
    const pending = body.read().then(() => body.read());
    body.close();
    body.close();
    await expect(pending).rejects.toThrow();
    await emulator.waitForIdle();
    expect(emulator.requests[0]?.how).toBe("client-closed");
  });

  test("leaves no listener on a signal that outlives the request (mutant: settle does not remove it)", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    let listeners = 0;
    const counting = Object.assign(Object.create(signal), {
      throwIfAborted: () => signal.throwIfAborted(),
      addEventListener: () => (listeners += 1),
      removeEventListener: () => (listeners -= 1),
    }) as AbortSignal;
    emulator.enqueue({ headers: stream, body: Buffer.from("x") });
    await readAll(await client.send(post(emulator.baseUrl, { signal: counting })));
    expect(listeners).toBeLessThanOrEqual(0);
  });

  test("closing the client waits for what runs", async () => {
    emulator.enqueue({
      headers: stream,
      body: Buffer.from("data: 1\n\n"),
      delivery: { kind: "stall-after-events", events: 1 },
    });
    const { body } = await client.send(post(emulator.baseUrl));
    let closed = false;
    const closing = client.close().then(() => {
      closed = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(closed).toBe(false);
    body.close();
    await within(closing, { what: "the client to close" });
  });
});

describe("over TLS", () => {
  const { certificate, key } = createCertificate();
  let server: Server | undefined;
  afterEach(async () => {
    await new Promise((resolve) => server?.close(resolve));
    server = undefined;
  });

  async function listen(made: Server): Promise<string> {
    server = made;
    await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
    return `https://localhost:${(made.address() as AddressInfo).port}/`;
  }

  test("speaks HTTP/2 where the server does, all requests on one connection (mutant: allowH2 false)", async () => {
    let sessions = 0;
    const made = createSecureServer({ key, cert: certificate, allowHTTP1: true }, (request, response) => {
      response.end(`over ${request.httpVersion}`);
    });
    made.on("session", () => {
      sessions += 1;
    });
    const url = await listen(made);
    const trusting = createHttpClient({ timeouts, certificateAuthorities: certificate });
    const bodies = await Promise.all([1, 2, 3].map(async () => readAll(await trusting.send(post(url)))));
    expect(bodies).toEqual(["over 2.0", "over 2.0", "over 2.0"]);
    expect(sessions).toBe(1);
    await trusting.close();
  });

  // Mutant seen red: a limit of our own on the time between two pieces, which goes on while nothing is read.
  test("waits over HTTP/2 for a reader who is slow", async () => {
    const size = 8 * 1024 * 1024;
    const made = createSecureServer({ key, cert: certificate }, (_request, response) => {
      response.end(Buffer.alloc(size, "x"));
    });
    const url = await listen(made);
    const trusting = createHttpClient({
      timeouts: { ...timeouts, idleMs: IDLE_MS },
      certificateAuthorities: certificate,
    });
    try {
      const response = await trusting.send(post(url));
      await sleep(MUCH_LONGER_MS);
      expect((await readAll(response)).length).toBe(size);
    } finally {
      await trusting.close();
    }
  });

  test("refuses a certificate nobody vouches for (mutant: rejectUnauthorized false)", async () => {
    const url = await listen(createSecureServer({ key, cert: certificate, allowHTTP1: true }));
    await expect(client.send(post(url))).rejects.toMatchObject({ reason: "PROVIDER_TLS", extras: { unsent: true } });
  });

  test("says TLS where the server speaks none", async () => {
    const url = await listen(createServer((_request, response) => response.end()));
    await expect(client.send(post(url))).rejects.toMatchObject({ reason: "PROVIDER_TLS" });
  });
});
