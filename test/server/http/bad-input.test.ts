import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { Role } from "../../../src/gen/execution/v1/options_pb.js";
import { hashKey } from "../../../src/server/auth.ts";
import { waitFor } from "../../support/wait.ts";
import {
  chatRequest,
  envelope,
  expectAlive,
  expectNoLeak,
  plain,
  post,
  type Running,
  send,
  send2,
  sendBytes,
  withListener,
  withSession,
} from "./setup.ts";
import { encode, WIRES, type Wire } from "./wires.ts";

const MIB = 1024 * 1024;
const CHAT = "/execution.v1.ExecutionService/Chat";
const encodingHeader = (wire: Wire): string =>
  wire.name.startsWith("grpc")
    ? "grpc-encoding"
    : wire.name.startsWith("SSE")
      ? "content-encoding"
      : "connect-content-encoding";

const prefix = '{"messages":[{"role":"MESSAGE_ROLE_USER","parts":[';
const suffix = "]}]}";

describe("a JSON body", () => {
  const bodies: readonly (readonly [string, string | Uint8Array])[] = [
    ["is empty", ""],
    ["is cut off", '{"messages":'],
    ["has two documents", "{}{}"],
    ["is not UTF-8", Buffer.from(`${prefix}{"text":{"text":"\u00c3("}}${suffix}`, "latin1")],
    ["is UTF-16", Buffer.from('{"persona":"a"}', "utf16le")],
    ["holds half a surrogate pair", `${prefix}{"text":{"text":"\\ud800"}}${suffix}`],
    ["is random bytes", randomBytes(4096)],
    ["is nested deeper than any parser should follow", "[".repeat(200_000)],
    ["is nested deeper in lists that end", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    ["nests tool results in tool results", nestedParts(20_001)],
    [
      "nests a schema in the plain form",
      `{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"a","parameters":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}}],"colour":1}`,
    ],
    ["has a number for a text", '{"persona":1}'],
    ["has an unknown enum name", '{"messages":[{"role":"MESSAGE_ROLE_KING","parts":[]}]}'],
    ["has a number out of range", '{"messages":[],"sampling":{"maxOutputTokens":1e300}}'],
    ["has NaN", '{"sampling":{"temperature":NaN}}'],
    ["has bad base64", `${prefix}{"image":{"data":"%%%","mimeType":"image/png"}}${suffix}`],
    ["has a field twice under both its names", '{"maxToolTier":1,"max_tool_tier":2,"messages":[]}'],
    ["has __proto__", '{"__proto__":{"polluted":true},"messages":[]}'],
    ["has a kind twice", `${prefix}{"text":{"text":"a"},"image":{"url":"b"}}${suffix}`],
    ["has a long text for a short one", JSON.stringify({ persona: "x".repeat(10_000), messages: [] })],
  ];
  // Mutants seen red: JSON.parse without its catch; a decoder that replaces what is not UTF-8.
  test.each(bodies)("that %s is INVALID_FIELD, on SSE and on Connect", async (_name, body) => {
    await withListener({}, async (running) => {
      const { port } = running;
      const sse = await send(port, "/v1/chat", { headers: { "content-type": "application/json" }, body });
      expect({ status: sse.status, reason: sse.json().reason }).toEqual({ status: 400, reason: "INVALID_FIELD" });
      expectNoLeak(sse.text);
      const headers = { "content-type": "application/connect+json" };
      const bytes = typeof body === "string" ? Buffer.from(body) : body;
      const connect = await send(port, CHAT, { headers, body: envelope(bytes) });
      expect(connect.text).toContain('"code":"invalid_argument"');
      expectNoLeak(connect.text);
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
      await expectAlive(running);
    });
  });
});

describe("a body that is too large", () => {
  const limits = { maxChatBytes: MIB };

  // Mutants seen red: no check of content-length; no check of an envelope's length; no count of what arrives.
  test("is refused as soon as that is known, however it is announced", async () => {
    await withListener({ limits }, async (running) => {
      const { port, url } = running;
      const json = { "content-type": "application/json" };
      const whole = await send(port, "/chat", { headers: json, body: Buffer.alloc(2 * MIB, 0x20) });
      const chunked = Array.from({ length: 40 }, () => Buffer.alloc(65_536, 0x20));
      const pieces = await send(port, "/chat", { headers: { ...json, "transfer-encoding": "chunked" }, body: chunked });
      for (const answer of [whole, pieces]) {
        expect({ status: answer.status, reason: answer.json().reason }).toEqual({
          status: 413,
          reason: "MESSAGE_TOO_LARGE",
        });
      }
      const announced = await announce(port, "/chat", { ...json, "content-length": 100 * MIB });
      expect(announced).toBe(413);
      const head = envelope(new Uint8Array(), 0, 0xffff_ffff);
      const { text } = await send(port, CHAT, { headers: { "content-type": "application/connect+proto" }, body: head });
      expect(text).toContain('"code":"resource_exhausted"');
      await withSession(url, async (session) => {
        const headers = { "content-type": "application/grpc", te: "trailers" };
        const { trailers } = await send2(session, CHAT, { headers, body: envelope(Buffer.alloc(2 * MIB)) });
        expect(trailers["grpc-status"]).toBe("8");
      });
      await expectAlive(running);
    });
  });

  test("of the largest size there may be is taken, over both versions", async () => {
    const request = chatRequest("x".repeat(16 * MIB - 40));
    await withListener({ limits: { maxChatBytes: 16 * MIB } }, async (running) => {
      for (const name of ["connect+proto over HTTP/1", "grpc+proto over HTTP/2"]) {
        const wire = WIRES.find((each) => each.name === name);
        if (wire === undefined) throw new Error(name);
        const { error } = await wire.call(running, encode(wire, { ...request, persona: "nobody" }));
        expect({ name, reason: error?.details[0] }).toMatchObject({ name, reason: { reason: "PERSONA_NOT_FOUND" } });
      }
    });
  });

  test("is OVERLOADED if it is too much together with others", async () => {
    await withListener({ limits: { maxChatBytes: MIB, maxBytesInFlight: MIB } }, async (running) => {
      const { port, dispatcher } = running;
      const headers = { "content-type": "application/json" };
      const first = httpRequest({ host: "127.0.0.1", port, path: "/chat", method: "POST", headers, agent: false });
      first.on("error", () => undefined);
      first.write(Buffer.alloc(700_000, 0x20));
      await waitFor(() => dispatcher.running === 1, { what: "the first call" });
      await new Promise((resolve) => setTimeout(resolve, 100));
      const second = await send(port, "/chat", { headers, body: Buffer.alloc(700_000, 0x20) });
      expect({ status: second.status, reason: second.json().reason, retry: second.headers["retry-after"] }).toEqual({
        status: 503,
        reason: "OVERLOADED",
        retry: expect.stringMatching(/^[123]$/),
      });
      first.destroy();
      await expectAlive(running);
      const third = await send(port, "/chat", { headers, body: Buffer.alloc(700_000, 0x20) });
      expect(third.json().reason).toBe("INVALID_FIELD");
    });
  });
});

// Mutant seen red: reading the body before the dispatcher has begun the call.
test("a caller without a key is refused before its body is read, on every wire", async () => {
  const keys = [{ name: "k", sha256: hashKey("right"), tenant: "t", roles: [Role.CALLER], providerOptions: true }];
  await withListener({ config: { keys } }, async (running) => {
    const { port } = running;
    const length = { "content-length": 1000 };
    expect(await announce(port, "/chat", { "content-type": "application/json", ...length })).toBe(401);
    // Connect and gRPC-Web tell failures of streams in the body of a 200.
    for (const type of ["application/connect+json", "application/grpc-web+proto"]) {
      expect(await announce(port, CHAT, { "content-type": type, ...length })).toBe(200);
    }
    await expectAlive(running);
  });
});

// Mutant seen red: no listener of `checkContinue` (Node's own 100 Continue for everybody).
test("a caller that waits for leave to send its body gets it only with a key", async () => {
  const keys = [{ name: "k", sha256: hashKey("right"), tenant: "t", roles: [Role.CALLER], providerOptions: true }];
  await withListener({ config: { keys } }, async (running) => {
    const body = JSON.stringify(plain());
    const head = (authorization: string) =>
      [
        "POST /chat HTTP/1.1",
        "host: localhost",
        "content-type: application/json",
        `content-length: ${body.length}`,
        "expect: 100-continue",
        "connection: close",
        `authorization: Bearer ${authorization}\r\n\r\n`,
      ].join("\r\n");
    expect(await sendBytes(running.port, head("wrong"))).toMatch(/^HTTP\/1\.1 401 /);
    expect(await sendBytes(running.port, head("right") + body)).toMatch(
      /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /,
    );
    await expectAlive(running);
  });
});

describe("a compressed body", () => {
  // Mutant seen red: gunzip without maxOutputLength.
  test("that is a bomb is MESSAGE_TOO_LARGE on every wire, and costs no memory", async () => {
    const bomb = gzipSync(Buffer.alloc(256 * MIB));
    await withListener({ limits: { maxChatBytes: MIB } }, async (running) => {
      const before = process.memoryUsage().rss;
      for (const wire of WIRES.filter(({ name }) => !name.startsWith("SSE"))) {
        const { text, trailers } = await sendWire(running, wire, envelope(bomb, 1), { [encodingHeader(wire)]: "gzip" });
        expect({ wire: wire.name, refused: refusedAs(text, trailers, "resource_exhausted", "8") }).toEqual({
          wire: wire.name,
          refused: true,
        });
      }
      const { status, json } = await send(running.port, "/chat", {
        headers: { "content-type": "application/json", "content-encoding": "gzip" },
        body: bomb,
      });
      expect({ status, reason: json().reason }).toEqual({ status: 413, reason: "MESSAGE_TOO_LARGE" });
      expect(process.memoryUsage().rss - before).toBeLessThan(128 * MIB);
      await expectAlive(running);
    });
  });

  test("that is no gzip, says so without being, or has another encoding is refused with its type", async () => {
    await withListener({}, async (running) => {
      for (const wire of WIRES.filter(({ name }) => !name.startsWith("SSE"))) {
        const header = encodingHeader(wire);
        const cases = [
          [envelope(Buffer.from("no gzip"), 1), { [header]: "gzip" }, "invalid_argument", "3"],
          [envelope(gzipSync("x").subarray(0, 12), 1), { [header]: "gzip" }, "invalid_argument", "3"],
          [envelope(gzipSync("x"), 1), {}, "invalid_argument", "3"],
          [envelope(Buffer.from("x"), 1), { [header]: "br" }, "unimplemented", "12"],
        ] as const;
        for (const [body, headers, connect, grpc] of cases) {
          const { text, trailers } = await sendWire(running, wire, body, headers);
          expect({ wire: wire.name, headers, refused: refusedAs(text, trailers, connect, grpc) }).toEqual({
            wire: wire.name,
            headers,
            refused: true,
          });
        }
      }
      await expectAlive(running);
    });
  });
});

describe("an envelope", () => {
  const message = Buffer.from("{}");
  const bodies: readonly (readonly [string, Uint8Array])[] = [
    ["is missing", new Uint8Array()],
    ["is half a head", Uint8Array.of(0, 0, 0)],
    ["has fewer bytes than it says", envelope(message, 0, 1000)],
    ["has a second one behind it", Buffer.concat([envelope(message), envelope(message)])],
    ["has flags nobody knows", envelope(message, 0x7c)],
    ["ends the stream", envelope(message, 2)],
    ["is random bytes", randomBytes(64)],
  ];
  test.each(bodies)("that %s is INVALID_FIELD or too large, and nothing else", async (_name, body) => {
    await withListener({}, async (running) => {
      for (const wire of WIRES.filter(({ name }) => !name.startsWith("SSE"))) {
        const { text, trailers } = await sendWire(running, wire, body, {});
        const refused =
          refusedAs(text, trailers, "invalid_argument", "3") || refusedAs(text, trailers, "resource_exhausted", "8");
        expect({ wire: wire.name, refused }).toEqual({ wire: wire.name, refused: true });
      }
      await expectAlive(running);
    });
  });
});

test("a caller that leaves while it sends its body ends its call", async () => {
  await withListener({}, async (running) => {
    const headers = { "content-type": "application/json", "content-length": "1000" };
    for (const path of ["/chat", CHAT]) {
      const type = path === CHAT ? { "content-type": "application/connect+json" } : {};
      const request = httpRequest({
        host: "127.0.0.1",
        port: running.port,
        path,
        method: "POST",
        headers: { ...headers, ...type },
        agent: false,
      });
      request.on("error", () => undefined);
      request.write("{");
      await waitFor(() => running.dispatcher.running === 1, { what: "the call" });
      request.destroy();
      await waitFor(() => running.dispatcher.running === 0, { what: "the call's end" });
    }
    await expectAlive(running);
  });
});

test("hostile values in headers and query change nothing but the answer", async () => {
  await withListener({}, async (running) => {
    const { port } = running;
    for (const headers of [
      { "x-request-id": "a".repeat(4000) },
      { "x-forwarded-host": "evil.example" },
      { cookie: "a=b" },
      { te: "x" },
    ]) {
      expect((await post(port, "/chat", plain(), headers)).status).toBe(200);
    }
    for (const query of [
      "?%",
      "?events=%ff",
      "?&&&&",
      `?model=${"a".repeat(5000)}`,
      "?model=%00",
      "?constructor=1",
      "?__proto__=1",
    ]) {
      const { status, text } = await post(port, `/chat${query}`, plain());
      expect({ query: query.slice(0, 20), ok: status === 200 || status === 400 }).toEqual({
        query: query.slice(0, 20),
        ok: true,
      });
      expectNoLeak(text);
    }
    await expectAlive(running);
  });
});

function nestedParts(depth: number): string {
  const open = '{"toolResult":{"toolCallId":"a","parts":[';
  return `${prefix}${open.repeat(depth)}${"]}}".repeat(depth)}${suffix}`;
}

/** Sends a body as it is to Chat, in the content type of a wire. */
async function sendWire(
  { port, url }: Running,
  wire: Wire,
  body: Uint8Array,
  extra: Record<string, string>,
): Promise<{ readonly text: string; readonly trailers: Record<string, unknown> }> {
  const [subtype = "", , version = ""] = wire.name.split(/ |\//);
  const headers = { "content-type": `application/${subtype}`, te: "trailers", ...extra };
  if (wire.name.endsWith("HTTP/1")) {
    const { text } = await send(port, CHAT, { headers, body });
    return { text, trailers: {} };
  }
  const answers: { readonly text: string; readonly trailers: Record<string, unknown> }[] = [];
  await withSession(url, async (session) => {
    answers.push(await send2(session, CHAT, { headers, body }));
  });
  return answers[0] ?? { text: version, trailers: {} };
}

function refusedAs(text: string, trailers: Record<string, unknown>, connect: string, grpc: string): boolean {
  return (
    text.includes(`"code":"${connect}"`) ||
    text.includes(`grpc-status: ${grpc}\r\n`) ||
    trailers["grpc-status"] === grpc
  );
}

/** Announces a body and sends none of it; gives the status of the answer. */
async function announce(
  port: number,
  path: string,
  headers: Record<string, string | number>,
): Promise<number | undefined> {
  const request = httpRequest({ host: "127.0.0.1", port, path, method: "POST", headers, agent: false });
  request.on("error", () => undefined);
  request.flushHeaders();
  const [response] = await once(request, "response");
  response.resume();
  await once(response, "end");
  request.destroy();
  return response.statusCode;
}
