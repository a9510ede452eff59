import { gzipSync } from "node:zlib";
import { toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { describe, expect, test } from "@jest/globals";
import { type ChatRequest, ChatRequestSchema, type ChatResponse } from "../../../src/gen/execution/v1/chat_pb.js";
import { ExecutionService } from "../../../src/gen/execution/v1/execution_pb.js";
import { Role } from "../../../src/gen/execution/v1/options_pb.js";
import { hashKey } from "../../../src/server/auth.ts";
import { chatRequest, envelope, type RunOptions, send, send2, withListener, withSession } from "./setup.ts";
import { chat, comparable, connectError, encode, WIRES, type Wire, type WireOutcome } from "./wires.ts";

/** One of everything the mock can be told to do. */
const SCRIPT = [
  { reasoning: ["Hm", "m."] },
  { text: ["Zürich", " 🙂", " is"] },
  { provider_state: { kind: "signature", data: "AAEC" } },
  {
    tool_calls: [
      { name: "a", arguments: ['{"x":', "1}"] },
      { name: "b", arguments: ['{"y":', "2}"] },
    ],
  },
  { usage: { input_total: 12, output_total: 7 } },
];

const KEY = { name: "k", sha256: hashKey("right"), tenant: "t", roles: [Role.CALLER], providerOptions: true };

const unchanged = (wire: Wire, request: ChatRequest): Uint8Array => encode(wire, request);

describe("a Chat that succeeds", () => {
  test("gives the same events on every wire", async () => {
    await withListener({}, async (running) => {
      const outcomes: (readonly [string, WireOutcome])[] = [];
      for (const wire of WIRES) outcomes.push([wire.name, await chat(wire, running, chatRequest("hi", SCRIPT))]);
      const [[, first] = ["", undefined]] = outcomes;
      expect(first?.events.map(({ event }) => event.case)).toContain("finished");
      for (const [name, { events, error, status }] of outcomes) {
        expect({ name, error, status }).toEqual({ name, error: undefined, status: 200 });
        expect({ name, events: comparable(events) }).toEqual({ name, events: comparable(first?.events ?? []) });
      }
    });
  });

  test("works with Connect's own clients of every protocol", async () => {
    await withListener({}, async ({ url }) => {
      const sessionManager = new Http2SessionManager(url);
      const transports = [
        createConnectTransport({ baseUrl: url, httpVersion: "1.1" }),
        createConnectTransport({ baseUrl: url, httpVersion: "2", sessionManager, useBinaryFormat: true }),
        createGrpcWebTransport({ baseUrl: url, httpVersion: "1.1" }),
        createGrpcWebTransport({ baseUrl: url, httpVersion: "2", sessionManager }),
        createGrpcTransport({ baseUrl: url, sessionManager }),
      ];
      try {
        for (const transport of transports) {
          const client = createClient(ExecutionService, transport);
          const events: ChatResponse[] = [];
          for await (const event of client.chat(chatRequest("hi", [{ text: ["a", "b"] }]))) events.push(event);
          expect(events.map(({ event }) => event.case)).toEqual([
            "started",
            "attemptStarted",
            "textDelta",
            "textDelta",
            "usage",
            "finished",
          ]);
          const { providers } = await client.capabilities({});
          expect(providers.map(({ provider }) => provider)).toEqual(["mock"]);
        }
      } finally {
        sessionManager.abort();
      }
    });
  });

  test("may have a compressed request", async () => {
    await withListener({}, async ({ port }) => {
      const body = envelope(gzipSync(toBinary(ChatRequestSchema, chatRequest("hi", [{ text: "a" }]))), 1);
      for (const [type, header] of [
        ["application/connect+proto", "connect-content-encoding"],
        ["application/grpc-web+proto", "grpc-encoding"],
      ] as const) {
        const { status, text } = await send(port, "/execution.v1.ExecutionService/Chat", {
          headers: { "content-type": type, [header]: "gzip" },
          body,
        });
        expect({ status, started: text.includes("stream_") }).toEqual({ status: 200, started: true });
      }
    });
  });
});

interface FailingCase {
  readonly name: string;
  readonly expected: { readonly code: string; readonly reason: string; readonly field?: string };
  readonly request?: ChatRequest;
  readonly body?: (wire: Wire, request: ChatRequest) => Uint8Array;
  readonly headers?: (wire: Wire) => Record<string, string>;
  readonly options?: RunOptions;
}

const malformed = (wire: Wire): Uint8Array =>
  Buffer.from(wire.format === "json" ? '{"messages":[' : "\u000f\u000f\u000f");

const FAILING: readonly FailingCase[] = [
  {
    name: "an unknown persona",
    request: { ...chatRequest(), persona: "nobody" },
    expected: { code: "NOT_FOUND", reason: "PERSONA_NOT_FOUND" },
  },
  {
    name: "no message",
    request: { ...chatRequest(), messages: [] },
    expected: { code: "INVALID_ARGUMENT", reason: "INVALID_FIELD", field: "messages" },
  },
  {
    name: "a message that cannot be decoded",
    body: malformed,
    expected: { code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" },
  },
  {
    name: "a message that is too large",
    request: chatRequest("x".repeat(2000)),
    options: { limits: { maxChatBytes: 1000 } },
    expected: { code: "RESOURCE_EXHAUSTED", reason: "MESSAGE_TOO_LARGE" },
  },
  {
    name: "no key",
    options: { config: { keys: [KEY] } },
    expected: { code: "UNAUTHENTICATED", reason: "AUTH_INVALID" },
  },
  {
    name: "a key without the role",
    options: { config: { keys: [{ ...KEY, roles: [Role.VIEWER] }] } },
    headers: () => ({ authorization: "Bearer right" }),
    expected: { code: "PERMISSION_DENIED", reason: "SCOPE_DENIED" },
  },
  {
    name: "a foreign origin",
    headers: () => ({ origin: "https://evil.example" }),
    expected: { code: "PERMISSION_DENIED", reason: "ORIGIN_DENIED" },
  },
  {
    name: "a deadline that is none",
    headers: ({ timeoutHeader }) => ({ [timeoutHeader]: "soon" }),
    expected: { code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" },
  },
  {
    name: "a missing capability",
    request: { ...chatRequest(), model: "mock-text", responseFormat: jsonFormat() },
    expected: { code: "FAILED_PRECONDITION", reason: "CAPABILITY_MISSING" },
  },
  {
    name: "a provider that fails at once",
    request: chatRequest("hi", [
      { error: { reason: "PROVIDER_RATE_LIMITED", retry_after_ms: 1500, provider_message: "slow down" } },
    ]),
    expected: { code: "RESOURCE_EXHAUSTED", reason: "PROVIDER_RATE_LIMITED" },
  },
  {
    name: "a provider that fails in the middle",
    request: chatRequest("hi", [{ text: ["a", "b"] }, { error: "PROVIDER_INTERNAL" }]),
    expected: { code: "ABORTED", reason: "PROVIDER_INTERNAL" },
  },
  {
    name: "an answer that is cut off",
    request: chatRequest("hi", [{ text: "a" }, { truncate: true }]),
    expected: { code: "ABORTED", reason: "UPSTREAM_TRUNCATED" },
  },
  {
    name: "a deadline that passes",
    request: chatRequest("hi", [{ text: "a" }, { stall: true }]),
    headers: ({ timeoutHeader }) => ({ [timeoutHeader]: timeoutHeader === "grpc-timeout" ? "200m" : "200" }),
    expected: { code: "DEADLINE_EXCEEDED", reason: "DEADLINE" },
  },
];

describe("a Chat that fails", () => {
  // Mutants seen red: details left out of Connect's errors; malformed bodies given to Connect as they are.
  test.each(FAILING)("for $name fails with the same code, message and details on every wire", async (failing) => {
    const { request = chatRequest(), body = unchanged, headers = () => ({}), expected, options = {} } = failing;
    await withListener(options, async (running) => {
      const errors: { readonly wire: Wire; readonly error: WireOutcome["error"] }[] = [];
      for (const wire of WIRES) {
        const { error } = await wire.call(running, body(wire, request), headers(wire));
        errors.push({ wire, error });
      }
      for (const { wire, error } of errors) {
        expect({ wire: wire.name, code: error?.code, reason: reasonOf(error?.details) }).toEqual({
          wire: wire.name,
          code: expected.code,
          reason: expected.reason,
        });
      }
      // JSON and protobuf are malformed each in its own way, and each deadline has its own header; everything else is equal to the letter.
      const alike = (wire: Wire) => `${wire.format}/${wire.timeoutHeader}`;
      const ownWords =
        failing.body !== undefined ||
        failing.name === "a deadline that is none" ||
        failing.options?.limits !== undefined;
      for (const { wire, error } of errors) {
        const peer = errors.find((other) => !ownWords || alike(other.wire) === alike(wire));
        expect({ wire: wire.name, error }).toEqual({ wire: wire.name, error: peer?.error });
      }
      if (expected.field !== undefined)
        expect(JSON.stringify(errors[0]?.error?.details)).toContain(`"${expected.field}"`);
      expect(running.bugs).toEqual([]);
    });
  });
});

describe("a unary RPC over Connect", () => {
  test("answers GET with the message in the query, as text and as base64", async () => {
    await withListener({}, async ({ port }) => {
      const path = "/execution.v1.ExecutionService/Capabilities";
      const base64 = Buffer.from('{"provider":"mock"}').toString("base64url");
      const compressed = gzipSync('{"provider":"mock"}').toString("base64url");
      for (const query of [
        `?connect=v1&encoding=json&message=${encodeURIComponent('{"provider":"mock"}')}`,
        `?connect=v1&encoding=json&base64=1&message=${base64}`,
        `?connect=v1&encoding=json&base64=1&compression=gzip&message=${compressed}`,
      ]) {
        const { status, json, headers } = await send(port, `${path}${query}`);
        expect({ status, type: headers["content-type"] }).toEqual({ status: 200, type: "application/json" });
        expect(json()).toMatchObject({ providers: [{ provider: "mock" }] });
      }
    });
  });

  test("refuses GET where an RPC has side effects", async () => {
    await withListener({}, async ({ port }) => {
      const { status, headers } = await send(port, "/execution.v1.ExecutionService/Plan?encoding=json&message={}");
      expect({ status, allow: headers.allow }).toEqual({ status: 405, allow: "POST" });
    });
  });

  test("answers UNIMPLEMENTED for what the server does not serve yet, on every protocol", async () => {
    await withListener({}, async ({ port, url }) => {
      const path = "/execution.v1.ExecutionService/Embed";
      const connect = await send(port, path, { headers: { "content-type": "application/json" }, body: "{}" });
      expect(connect.status).toBe(501);
      expect(connectError(connect.json() as never)).toMatchObject({
        code: "UNIMPLEMENTED",
        details: [{ reason: "UNIMPLEMENTED" }],
      });
      await withSession(url, async (session) => {
        const headers = { "content-type": "application/grpc", te: "trailers" };
        const { trailers } = await send2(session, path, { headers, body: envelope(new Uint8Array()) });
        expect(trailers["grpc-status"]).toBe("12");
      });
    });
  });
});

function reasonOf(details: readonly unknown[] | undefined): unknown {
  return (details?.[0] as { readonly reason?: unknown } | undefined)?.reason;
}

function jsonFormat(): NonNullable<ChatRequest["responseFormat"]> {
  return {
    $typeName: "execution.v1.ResponseFormat",
    format: { case: "json", value: { $typeName: "execution.v1.JsonFormat" } },
  };
}
