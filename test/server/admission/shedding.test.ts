import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { create } from "@bufbuild/protobuf";
import { type Client, Metadata, status } from "@grpc/grpc-js";
import { describe, expect, test } from "@jest/globals";
import { CapabilitiesRequestSchema } from "../../../src/gen/execution/v1/capabilities_pb.js";
import { type ChatResponse, OnDisconnect } from "../../../src/gen/execution/v1/chat_pb.js";
import { Role } from "../../../src/gen/execution/v1/options_pb.js";
import { CancelRequestSchema, GetStreamRequestSchema, StreamState } from "../../../src/gen/execution/v1/streams_pb.js";
import { HealthCheckResponse_ServingStatus as ServingStatus } from "../../../src/gen/grpc/health/v1/health_pb.js";
import { hashKey } from "../../../src/server/auth.ts";
import { createGrpcListener } from "../../../src/server/grpc/listener.ts";
import { createHttpListener } from "../../../src/server/http/listener.ts";
import { PUBLIC_SURFACE } from "../../../src/server/http/surface.ts";
import { type Backend, type BackendOptions, createBackend } from "../../support/backend.ts";
import { waitFor, within } from "../../support/wait.ts";
import { chatRequest, checkHealth, collect, startChat, unary, withClient } from "../grpc/client.ts";
import { playAndWait } from "../grpc/plays.ts";
import { chatHeaders, rawCall, withSession } from "../grpc/raw.ts";
import { parseSse, plain, post, send } from "../http/setup.ts";

interface Running extends Backend {
  readonly grpcPort: number;
  readonly httpPort: number;
}

/** Runs a test against both listeners on one backend. */
async function withBoth(options: BackendOptions, run: (running: Running) => Promise<void>): Promise<void> {
  const backend = createBackend({ play: playAndWait, ...options });
  const { config, dispatcher, guard, log } = backend;
  const deps = { dispatcher, guard, limits: config.limits, log };
  const grpc = createGrpcListener({ ...deps, settings: config.grpc });
  const http = createHttpListener({ surface: PUBLIC_SURFACE, ...deps, settings: config.http });
  const [{ port: grpcPort }, { port: httpPort }] = await Promise.all([grpc.listen(), http.listen()]);
  try {
    await run({ ...backend, grpcPort, httpPort });
  } finally {
    await Promise.all([grpc.close(), http.close()]);
    await backend.router.streams.close();
  }
}

const OVERLOADED = { code: status.UNAVAILABLE, info: { reason: "OVERLOADED", metadata: { retryable: "true" } } };

/** Expects that a Chat is refused on both listeners although nothing of its body is sent, and told when to come back. */
async function expectRefused(
  { grpcPort, httpPort }: Running,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  await withSession(grpcPort, async (session) => {
    const { failure } = await within(rawCall(session, [], { ...chatHeaders, ...headers }, true), {
      what: "the refusal",
    });
    expect(failure).toMatchObject(OVERLOADED);
    expect(failure.retryAfterMs).toBeGreaterThanOrEqual(1000);
    expect(failure.retryAfterMs).toBeLessThan(3000);
  });
  const request = httpRequest({
    host: "127.0.0.1",
    port: httpPort,
    path: "/v1/chat",
    method: "POST",
    agent: false,
    headers: { "content-type": "application/json", ...headers },
  });
  request.on("error", () => undefined).flushHeaders();
  const [response] = await within(once(request, "response"), { what: "the refusal" });
  expect({ status: response.statusCode, retry: response.headers["retry-after"] }).toEqual({
    status: 503,
    retry: expect.stringMatching(/^[123]$/),
  });
  request.destroy();
}

/** Begins a Chat and waits for its first words. */
async function begin(client: Client, metadata?: Metadata) {
  const request = { ...chatRequest(), onDisconnect: OnDisconnect.CONTINUE };
  const stream = startChat(client, request, metadata);
  const ended = collect(stream);
  const [{ event }] = (await once(stream, "data")) as [ChatResponse];
  if (event.case !== "started") throw new Error("the stream does not begin with `started`");
  return { streamId: event.value.streamId, ended, leave: () => stream.cancel() };
}

/** What `/health` says; it must say it with 200. */
const shown = async ({ httpPort }: Running): Promise<unknown> => {
  const { status: httpStatus, json } = await send(httpPort, "/health");
  return httpStatus === 200 ? json() : httpStatus;
};

describe("a gateway that lags, or is short of memory,", () => {
  // Mutants seen red: refused in `run`, after the body; Cancel refused as well; `/health` that answers 503.
  test.each([
    ["event_loop_lag", { lagMs: 1900, memoryShare: 0.1 }],
    ["memory", { lagMs: 0, memoryShare: 0.95 }],
  ] as const)(
    "says so (%s), refuses Chats before their body, answers all else, and lets Chats in again",
    async (reason, load) => {
      await withBoth({}, async (running) => {
        const { admission, grpcPort, httpPort, lines, dispatcher } = running;
        await withClient(grpcPort, async (client) => {
          const { streamId, ended } = await begin(client);
          admission.sample(load);
          await expectRefused(running);
          await expectRefused(running);
          expect(await shown(running)).toEqual({ status: "serving", shedding: [reason] });
          expect(await checkHealth(client)).toMatchObject({ response: { status: ServingStatus.SERVING } });
          const { failure } = await unary(client, "capabilities", create(CapabilitiesRequestSchema));
          expect(failure).toBeUndefined();
          expect((await send(httpPort, "/v1/capabilities")).status).toBe(200);
          const state = await unary(client, "getStream", create(GetStreamRequestSchema, { streamId }));
          expect(state.response).toMatchObject({ state: StreamState.RUNNING });
          const cancelled = await unary(client, "cancel", create(CancelRequestSchema, { streamId }));
          expect(cancelled.response).toMatchObject({ state: StreamState.CANCELLED });
          await ended;
          admission.sample({ lagMs: 0, memoryShare: 0 });
          expect(await shown(running)).toEqual({ status: "serving" });
          const next = await begin(client);
          next.leave();
          await next.ended;
          await waitFor(() => dispatcher.running === 0, { what: "the calls' end" });
        });
        expect(admission.calls).toBe(0);
        expect(lines).toEqual([
          { message: "calls are refused", fields: { reason } },
          { message: "calls are not refused any more", fields: { reason, refused: 4 } },
        ]);
      });
    },
  );
});

describe("a gateway with as many calls as it may run", () => {
  // Mutants seen red: slots of Resume not counted; slots that a reset, a failure or a cancellation keeps.
  test("refuses more on both listeners, Resume included, and has its slots back whatever becomes of them", async () => {
    await withBoth({ limits: { maxCalls: 3 } }, async (running) => {
      const { admission, dispatcher, grpcPort, httpPort } = running;
      await withClient(grpcPort, async (client) => {
        const first = await begin(client);
        const second = await begin(client);
        const attached = send(httpPort, `/v1/streams/${first.streamId}/events`);
        await waitFor(() => admission.calls === 3, { what: "a stream that is attached to" });
        await expectRefused(running);
        const resumed = await send(httpPort, `/v1/streams/${second.streamId}/events`);
        expect({ status: resumed.status, json: resumed.json() }).toMatchObject({
          status: 503,
          json: { reason: "OVERLOADED" },
        });
        expect(await shown(running)).toEqual({ status: "serving", shedding: ["calls"] });

        await unary(client, "cancel", create(CancelRequestSchema, { streamId: first.streamId }));
        expect((await first.ended).failure).toMatchObject({ code: status.CANCELLED });
        expect(parseSse((await attached).text).at(-1)).toMatchObject({ event: "error", data: { reason: "CANCELLED" } });
        second.leave();
        await second.ended;
        await waitFor(() => admission.calls === 0, { what: "free slots" });
        expect(await shown(running)).toEqual({ status: "serving" });
      });
      // Calls that fail, are reset before their body, or are nobody's when they are answered.
      for (let turn = 0; turn < 10; turn += 1) {
        expect((await post(httpPort, "/v1/chat", plain({ personaId: "nobody" }))).status).toBe(404);
        await withSession(grpcPort, async (session) => {
          const stream = session.request(chatHeaders);
          stream.on("error", () => undefined);
          await waitFor(() => admission.calls === 1, { what: "a call that has begun" });
          stream.close(8);
          await waitFor(() => admission.calls === 0, { what: "its end" });
        });
      }
      expect({ calls: admission.calls, running: dispatcher.running, bytes: admission.requestBytes }).toEqual({
        calls: 0,
        running: 0,
        bytes: 0,
      });
    });
  });

  // Mutant seen red: the slots of all keys counted as one's.
  test("of one key refuses that key's alone", async () => {
    const key = (name: string) => ({
      name,
      sha256: hashKey(name),
      tenant: "t",
      roles: [Role.CALLER],
      providerOptions: true,
    });
    await withBoth({ limits: { maxCallsPerKey: 1 }, config: { keys: [key("one"), key("other")] } }, async (running) => {
      const metadataOf = (name: string): Metadata => {
        const metadata = new Metadata();
        metadata.set("x-api-key", name);
        return metadata;
      };
      await withClient(running.grpcPort, async (client) => {
        const first = await begin(client, metadataOf("one"));
        await expectRefused(running, { "x-api-key": "one" });
        const other = await begin(client, metadataOf("other"));
        expect(await shown(running)).toEqual({ status: "serving", shedding: ["calls_per_key"] });
        for (const call of [first, other]) {
          call.leave();
          await call.ended;
        }
        await waitFor(() => running.admission.calls === 0, { what: "free slots" });
      });
      expect(running.lines).toMatchObject([
        { message: "calls are refused", fields: { reason: "calls_per_key", key: "one" } },
        { message: "calls are not refused any more", fields: { refused: 2 } },
      ]);
    });
  });
});

// Mutant seen red: bytes looked at only when the body comes.
test("a gateway that holds as many request bytes as it may refuses Chats before their body", async () => {
  await withBoth(
    { limits: { maxChatBytes: 100_000, maxMessageBytes: 1000, maxBytesInFlight: 100_000 } },
    async (running) => {
      const { admission, grpcPort } = running;
      await withSession(grpcPort, async (session) => {
        const stream = session.request(chatHeaders);
        stream.on("error", () => undefined);
        stream.write(Buffer.concat([Buffer.from([0, 0, 1, 0x86, 0xa0]), Buffer.alloc(99_999)]));
        await waitFor(() => admission.requestBytes === 100_000, { what: "a body that has nearly come" });
        await expectRefused(running);
        expect(await shown(running)).toEqual({ status: "serving", shedding: ["request_bytes"] });
        await withClient(grpcPort, async (client) => {
          const { failure } = await unary(client, "cancel", create(CancelRequestSchema, { streamId: "stream_0" }));
          expect(failure).toMatchObject({ info: { reason: "STREAM_NOT_FOUND" } });
        });
        stream.close(8);
        await waitFor(() => admission.requestBytes === 0, { what: "the bytes' return" });
        expect(await shown(running)).toEqual({ status: "serving" });
      });
    },
  );
});
