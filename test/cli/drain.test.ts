import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import { ChatError, type ChatRequestInit, type Client, createClient, Role, text } from "../../src/client/index.ts";
import { HealthCheckResponse_ServingStatus as ServingStatus } from "../../src/gen/grpc/health/v1/health_pb.js";
import { checkHealth, withClient } from "../server/grpc/client.ts";
import { parseSse, post, scripted, send } from "../server/http/setup.ts";
import { type ServeProcess, startServe } from "../support/serve.ts";
import { waitFor, within } from "../support/wait.ts";

const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

interface Served {
  readonly gateway: ServeProcess;
  /** A client of each listener. */
  readonly clients: readonly Client[];
  readonly grpcPort: number;
  readonly httpPort: number;
}

async function serve(drain: string): Promise<Served> {
  const gateway = await startServe({ environment: { EP_LIMITS_DRAIN: drain } });
  cleanUps.push(() => gateway.stop());
  const clients = [gateway.grpcUrl, gateway.httpUrl].map((baseUrl) => createClient({ baseUrl }));
  cleanUps.push(() => {
    for (const client of clients) client.close();
  });
  const [grpcPort = 0, httpPort = 0] = [gateway.grpcUrl, gateway.httpUrl].map((url) => Number(new URL(url).port));
  return { gateway, clients, grpcPort, httpPort };
}

const USAGE = { usage: { input_total: 7, output_total: 1 } };
const STALLED = [USAGE, { text: "a" }, { stall: true }] as const;

function asking(...script: readonly object[]): ChatRequestInit {
  return {
    messages: [{ role: Role.USER, parts: [text("Hi")] }],
    providerOptionsJson: { mock: JSON.stringify({ script }) },
  };
}

/** Begins a call; gives how it ends once its first word has come. */
async function begin(client: Client, request: ChatRequestInit): Promise<{ readonly ended: Promise<unknown> }> {
  const began = Promise.withResolvers<void>();
  const read = async (): Promise<unknown> => {
    let said = "";
    try {
      for await (const { event } of client.chat(request)) {
        if (event.case === "textDelta") said += event.value.text;
        if (said !== "") began.resolve();
      }
      return said;
    } catch (thrown) {
      began.resolve();
      return thrown;
    }
  };
  const ended = read();
  await within(began.promise, { what: "the first word" });
  return { ended };
}

/** Begins a call over SSE; gives all of its text once its first word has come. */
async function beginSse(port: number): Promise<{ readonly ended: Promise<string> }> {
  const headers = { "content-type": "application/json" };
  const request = httpRequest({ host: "127.0.0.1", port, path: "/v1/chat", method: "POST", agent: false, headers });
  request.end(JSON.stringify(scripted(...STALLED)));
  const [response] = (await within(once(request, "response"), { what: "the answer" })) as [IncomingMessage];
  let said = "";
  response.setEncoding("utf8").on("data", (piece: string) => {
    said += piece;
  });
  const ended = once(response, "end").then(() => said);
  await waitFor(() => said.includes("event: token"), { what: "the first word" });
  return { ended };
}

/** Expects an end that says what was used and that it was the server's. */
function expectInterrupted(ended: unknown): void {
  expect(ended).toBeInstanceOf(ChatError);
  expect(ended).toMatchObject({
    code: "ABORTED",
    reason: "INTERRUPTED",
    details: { failure: { usage: { inputTotal: 7 }, attempts: [{ reason: "INTERRUPTED" }] } },
  });
}

describe("a process", () => {
  // Mutants seen red: new calls begun while it drains; health that stays SERVING; running calls cut as soon as it begins.
  test("that is told to stop refuses new calls on both ports, says so to probes, lets running calls end, and ends what does not in time as INTERRUPTED", async () => {
    const { gateway, clients, grpcPort, httpPort } = await serve("6s");
    const ending = await Promise.all(
      clients.map((client) => begin(client, asking({ text: "a" }, { delay_ms: 2000 }, { text: "b" }))),
    );
    const stalled = await Promise.all(clients.map((client) => begin(client, asking(...STALLED))));
    gateway.child.kill("SIGTERM");
    await waitFor(() => gateway.stderr().includes("stopping"), { what: "the drain" });

    for (const client of clients) {
      const refused = await client
        .chat(asking({ text: "a" }))
        .collect()
        .catch((thrown: unknown) => thrown);
      expect(refused).toMatchObject({ code: "UNAVAILABLE", reason: "DRAINING", retryable: true });
    }
    expect(await post(httpPort, "/v1/chat", scripted({ text: "a" }))).toMatchObject({ status: 503 });
    const health = await send(httpPort, "/health");
    expect([health.status, health.json()]).toEqual([503, { status: "draining" }]);
    for (const port of [grpcPort, httpPort]) {
      await withClient(port, async (client) => {
        expect(await checkHealth(client)).toMatchObject({ response: { status: ServingStatus.NOT_SERVING } });
      });
    }
    for (const { ended } of ending) expect(await ended).toBe("ab");
    for (const { ended } of stalled) expectInterrupted(await within(ended, { what: "the end", timeoutMs: 60_000 }));
    expect(await within(gateway.ended, { what: "the process", timeoutMs: 30_000 })).toBe(0);
  });

  // Mutants seen red: an exit without last words (the callers see a broken connection); a second signal that is not heeded (the watchdog ends it).
  test("that is told twice ends at once, with 143, and tells the callers of what runs that it was interrupted", async () => {
    const { gateway, clients, httpPort } = await serve("1h");
    const running = await Promise.all(clients.map((client) => begin(client, asking(...STALLED))));
    const sse = await beginSse(httpPort);
    gateway.child.kill("SIGTERM");
    await waitFor(() => gateway.stderr().includes("stopping"), { what: "the drain" });
    const again = setInterval(() => gateway.child.kill("SIGTERM"), 700);
    expect(await within(gateway.ended, { what: "the process" }).finally(() => clearInterval(again))).toBe(143);
    for (const { ended } of running) expectInterrupted(await ended);
    expect(parseSse(await sse.ended).at(-1)).toMatchObject({
      event: "error",
      data: { code: "ABORTED", reason: "INTERRUPTED" },
    });
  });
});
