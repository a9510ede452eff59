import { Agent } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { waitFor } from "../support/wait.ts";
import { post } from "./client.ts";
import { createEmulator, type Emulator } from "./emulator.ts";
import type { Exchange } from "./exchange.ts";

let emulator: Emulator;
beforeEach(async () => {
  emulator = await createEmulator();
});
afterEach(() => emulator.close());

const text = (value: string, status = 200): Exchange => ({ status, body: new TextEncoder().encode(value) });
const url = (path = "/v1/chat/completions") => `${emulator.baseUrl}${path}`;
const bodyOf = async (path?: string) => Buffer.from((await post(url(path), "{}")).body).toString();

describe("what the emulator keeps of a request", () => {
  test("method, path, query, headers, body as sent and parsed, and its times", async () => {
    emulator.enqueue(text("ok"));
    const sent = '{"model":"m",\n "n": 1.50, "text": "日本"}';
    await fetch(url("/openai/deployments/d%20x/chat?api-version=2025-01-01&a=b%26c"), {
      method: "POST",
      headers: { authorization: "Bearer some-key", "content-type": "application/json" },
      body: sent,
    });
    await emulator.waitForIdle();
    const [request] = emulator.requests;
    expect(request).toMatchObject({
      index: 0,
      connection: 0,
      method: "POST",
      path: "/openai/deployments/d%20x/chat",
      json: { model: "m", n: 1.5, text: "日本" },
      how: "completed",
    });
    expect([...(request?.query ?? [])]).toEqual([
      ["api-version", "2025-01-01"],
      ["a", "b&c"],
    ]);
    expect(request?.headers.authorization).toBe("Bearer some-key");
    expect(request?.rawHeaders).toContain("Bearer some-key");
    expect(Buffer.from(request?.rawBody ?? []).toString()).toBe(sent);
    expect(request?.closedAtMs).toBeGreaterThanOrEqual(request?.receivedAtMs ?? Number.POSITIVE_INFINITY);
  });

  test("a body that is not JSON is kept, unparsed", async () => {
    emulator.enqueue(text("ok"));
    await post(url(), "not json");
    expect(emulator.requests[0]?.json).toBeUndefined();
    expect(Buffer.from(emulator.requests[0]?.rawBody ?? []).toString()).toBe("not json");
  });

  test("which requests shared a connection", async () => {
    emulator.enqueue(text("1"), text("2"), text("3"));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await post(url(), "{}", { agent });
    await post(url(), "{}", { agent });
    await post(url(), "{}");
    agent.destroy();
    const [first, second, third] = emulator.requests.map((request) => request.connection);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });

  test("a client that leaves while it still sends", async () => {
    const socket = connect(emulator.port, "127.0.0.1");
    socket.write("POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\npartial");
    await waitFor(() => emulator.requests.length === 1, { what: "the headers" });
    expect(emulator.inFlight()).toBe(1);
    socket.destroy();
    expect(await emulator.requests[0]?.closed).toBe("client-closed");
    expect((await emulator.waitForRequest(0)).rawBody).toHaveLength(0);
    expect(emulator.inFlight()).toBe(0);
  });

  test("requests are counted while they run, each until its own client leaves", async () => {
    emulator.route({}, () => ({ delivery: { kind: "hold-headers" } }));
    const controllers = Array.from({ length: 20 }, () => new AbortController());
    const answers = controllers.map(({ signal }) => post(url(), "{}", { signal }));
    await waitFor(() => emulator.inFlight() === 20, { what: "20 requests in flight" });
    controllers[7]?.abort();
    await waitFor(() => emulator.inFlight() === 19, { what: "one request to be over" });
    for (const controller of controllers) controller.abort();
    await emulator.waitForIdle();
    expect(emulator.requests.every((request) => request.how === "client-closed")).toBe(true);
    await Promise.all(answers);
  });
});

describe("which answer a request gets", () => {
  test("the newest route that fits, then the queue in order, then the fallback", async () => {
    await emulator.close();
    emulator = await createEmulator({ answer: ({ index }) => text(`fallback ${index}`) });
    emulator.enqueue(text("queued 1"), text("queued 2"));
    emulator.route({ path: "/v1/models" }, () => text("models"));
    emulator.route({ path: /^\/v1\/m/, method: "GET" }, () => text("only for GET"));
    expect(await bodyOf()).toBe("queued 1");
    expect(await bodyOf("/v1/models?limit=1")).toBe("models");
    expect(await (await fetch(url("/v1/models"))).text()).toBe("only for GET");
    expect(await bodyOf()).toBe("queued 2");
    expect(await bodyOf()).toBe("fallback 4");
  });

  test("one chosen from what was sent, later if need be", async () => {
    emulator.route({}, async ({ json }) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return text(JSON.stringify({ echoed: json ?? null }));
    });
    const { body } = await post(url(), '{"a":[1]}');
    expect(Buffer.from(body).toString()).toBe('{"echoed":{"a":[1]}}');
  });

  test("501 where nothing is scripted", async () => {
    const answer = await post(url("/v1/other"), "{}");
    expect(answer.status).toBe(501);
    expect(Buffer.from(answer.body).toString()).toContain("no answer is scripted for request 0: POST /v1/other");
  });

  test("its status and headers, without those that describe another framing", async () => {
    emulator.enqueue({
      ...text("slow down", 429),
      headers: { "Retry-After": "2", "x-list": ["a", "b"], "Content-Length": "1", "Transfer-Encoding": "gzip" },
    });
    const answer = await post(url(), "{}");
    expect(answer).toMatchObject({ status: 429, complete: true });
    expect(answer.headers).toMatchObject({ "retry-after": "2", "x-list": "a, b", "content-length": "9" });
    expect(answer.headers["transfer-encoding"]).toBeUndefined();
  });
});

describe("an emulator that is closed", () => {
  test("reports what an answer function threw, after answering 500", async () => {
    emulator.route({}, () => {
      throw new Error("the expectation inside failed");
    });
    expect((await post(url(), "{}")).status).toBe(500);
    await expect(emulator.close()).rejects.toThrow("the expectation inside failed");
    emulator = await createEmulator();
  });

  test("reports every failure when there are several", async () => {
    emulator.enqueue({ delivery: { kind: "cut-after-events", events: -1 } });
    emulator.enqueue({ delivery: { kind: "cut-after-bytes", bytes: 0.5 } });
    await post(url(), "{}");
    await post(url(), "{}");
    await expect(emulator.close()).rejects.toThrow("2 scripted answers failed");
    emulator = await createEmulator();
  });

  test("does not wait for an answer that never comes", async () => {
    emulator.route({}, () => new Promise<Exchange>(() => undefined));
    const answer = post(url(), "{}");
    await emulator.waitForRequest(0);
    await emulator.close();
    expect((await answer).errorCode).toBe("ECONNRESET");
    expect(emulator.connections()).toBe(0);
  });

  test("frees its port, idle kept-alive connections included, and may be closed twice", async () => {
    emulator.enqueue(text("ok"));
    const agent = new Agent({ keepAlive: true });
    await post(url(), "{}", { agent });
    expect(emulator.connections()).toBe(1);
    await Promise.all([emulator.close(), emulator.close()]);
    expect(emulator.connections()).toBe(0);
    agent.destroy();
    expect((await post(url(), "{}")).errorCode).toBe("ECONNREFUSED");
  });

  test("says what a wait was for when it gives up", async () => {
    emulator.enqueue({ delivery: { kind: "hold-headers" } });
    const controller = new AbortController();
    const answer = post(url(), "{}", { signal: controller.signal });
    await emulator.waitForRequest(0);
    await expect(emulator.waitForIdle(1)).rejects.toThrow("waited 1 ms in vain for all requests to be over");
    await expect(emulator.waitForRequest(1, 1)).rejects.toThrow("request 1 to arrive");
    controller.abort();
    await answer;
  });
});
