import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import { ChatError, type ChatRequestInit, type Client, createClient, Role, text } from "../../src/client/index.ts";
import { HealthCheckResponse_ServingStatus as ServingStatus } from "../../src/gen/grpc/health/v1/health_pb.js";
import { checkHealth, withClient } from "../server/grpc/client.ts";
import { parseSse, post, type SseEvent, scripted, send } from "../server/http/setup.ts";
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

/** How a call ended: with all that was said, or as the client was told that it failed. */
type End = { readonly said: string } | { readonly code: string; readonly reason: string; readonly inputTotal: unknown };

/** What the mock is to do in a call. */
type Script = readonly object[];

const USAGE = { usage: { input_total: 7, output_total: 1 } };
const STALLED: Script = [USAGE, { text: "a" }, { stall: true }];
const ENDING: Script = [USAGE, { text: "a" }, { delay_ms: 2000 }, { text: "b" }];
/** An end that says what was used and that it was the server's. */
const INTERRUPTED: End = { code: "ABORTED", reason: "INTERRUPTED", inputTotal: 7 };

function asking(script: Script): ChatRequestInit {
  return {
    messages: [{ role: Role.USER, parts: [text("Hi")] }],
    providerOptionsJson: { mock: JSON.stringify({ script }) },
  };
}

/** Begins a call; gives how it ends once its first word has come. */
async function begin(client: Client, script: Script): Promise<{ readonly ended: Promise<End> }> {
  const began = Promise.withResolvers<void>();
  const read = async (): Promise<End> => {
    let said = "";
    try {
      for await (const { event } of client.chat(asking(script))) {
        if (event.case === "textDelta") said += event.value.text;
        if (said !== "") began.resolve();
      }
      return { said };
    } catch (thrown) {
      began.resolve();
      if (!(thrown instanceof ChatError)) throw thrown;
      const { code, reason, usage } = thrown;
      return { code: String(code), reason, inputTotal: usage?.inputTotal };
    }
  };
  const ended = read();
  await within(began.promise, { what: "the first word", timeoutMs: 20_000 });
  return { ended };
}

/** Begins a call over SSE; gives how it ends once its first word has come. */
async function beginSse(port: number, script: Script): Promise<{ readonly ended: Promise<End> }> {
  const headers = { "content-type": "application/json" };
  const request = httpRequest({ host: "127.0.0.1", port, path: "/v1/chat", method: "POST", agent: false, headers });
  request.end(JSON.stringify(scripted(...script)));
  const [response] = (await within(once(request, "response"), { what: "the answer" })) as [IncomingMessage];
  const began = Promise.withResolvers<void>();
  let got = "";
  response.setEncoding("utf8").on("data", (piece: string) => {
    got += piece;
    if (got.includes("event: token")) began.resolve();
  });
  const ended = once(response, "end").then(() => endOf(parseSse(got)));
  await within(began.promise, { what: "the first word", timeoutMs: 20_000 });
  return { ended };
}

const endsOf = (calls: readonly { readonly ended: Promise<End> }[]): Promise<End[]> =>
  within(Promise.all(calls.map(({ ended }) => ended)), { what: "the ends", timeoutMs: 60_000 });

function endOf(events: readonly SseEvent[]): End {
  const last = events.at(-1);
  const said = events.map(({ event, data }) => (event === "token" ? data.text : "")).join("");
  if (last?.event === "done") return { said };
  const details = (last?.data.details ?? []) as { readonly usage?: { readonly inputTotal?: unknown } }[];
  const inputTotal = details.find(({ usage }) => usage !== undefined)?.usage?.inputTotal;
  return { code: String(last?.data.code), reason: String(last?.data.reason), inputTotal };
}

describe("a process", () => {
  // Mutants seen red: new calls begun while it drains; health that stays SERVING; running calls cut as soon as it begins; at the gRPC listener as
  // little time for the last words of a hundred calls as a deadline leaves.
  test("that is told to stop with 200 streams refuses new calls on both ports, says so to probes, lets running calls end, and ends what does not in time as INTERRUPTED", async () => {
    const { gateway, clients, grpcPort, httpPort } = await serve("6s");
    const [grpc, http] = clients;
    if (grpc === undefined || http === undefined) throw new Error("no clients");
    /** Begins a hundred calls, over gRPC on each port and over SSE. */
    const beginAll = (script: Script) =>
      Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          index % 3 === 2 ? beginSse(httpPort, script) : begin(index % 3 === 0 ? grpc : http, script),
        ),
      );
    // Those that end begin last, so that they still run when the process is told to stop.
    const stalled = await beginAll(STALLED);
    const ending = await beginAll(ENDING);
    gateway.child.kill("SIGTERM");
    await waitFor(() => gateway.stderr().includes("stopping"), { what: "the drain" });

    for (const client of clients) {
      const refused = await client
        .chat(asking([{ text: "a" }]))
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
    expect(await endsOf(ending)).toEqual(ending.map(() => ({ said: "ab" })));
    expect(await endsOf(stalled)).toEqual(stalled.map(() => INTERRUPTED));
    expect(await within(gateway.ended, { what: "the process", timeoutMs: 30_000 })).toBe(0);
  });

  // Mutants seen red: an exit without last words (the callers see a broken connection); a second signal that is not heeded (the watchdog ends it).
  test("that is told twice ends at once, with 143, and tells the callers of what runs that it was interrupted", async () => {
    const { gateway, clients, httpPort } = await serve("1h");
    const running = await Promise.all([
      ...clients.map((client) => begin(client, STALLED)),
      beginSse(httpPort, STALLED),
    ]);
    gateway.child.kill("SIGTERM");
    await waitFor(() => gateway.stderr().includes("stopping"), { what: "the drain" });
    const again = setInterval(() => gateway.child.kill("SIGTERM"), 700);
    expect(await within(gateway.ended, { what: "the process" }).finally(() => clearInterval(again))).toBe(143);
    expect(await endsOf(running)).toEqual(running.map(() => INTERRUPTED));
  });
});
