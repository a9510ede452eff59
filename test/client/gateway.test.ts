import { once } from "node:events";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Adapter, AdapterKind } from "../../src/adapters/adapter.ts";
import { type Client, createClient, Role, text } from "../../src/client/index.ts";
import { textDelta } from "../../src/contract/events.ts";
import type { RunningGateway } from "../../src/gateway.ts";
import { ChatResponseSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { Role as CallerRole } from "../../src/gen/execution/v1/options_pb.js";
import { hashKey } from "../../src/server/auth.ts";
import { startTestGateway, testProvider } from "../support/gateway.ts";
import { createScriptedAdapter, type Play } from "../support/scripted-adapter.ts";
import { within } from "../support/wait.ts";

const question = { messages: [{ role: Role.USER, parts: [text("Why is the sky blue?")] }] };

/** A kind whose instances play one scripted answer. */
function scriptedKind(play: Play): AdapterKind {
  return {
    kind: "scripted",
    needsKey: false,
    check: () => [],
    create: (settings): Adapter => ({ ...createScriptedAdapter({ name: settings.name, play }), settings }),
  };
}

describe("the client against a gateway", () => {
  let gateway: RunningGateway;
  let client: Client;

  beforeAll(async () => {
    gateway = await startTestGateway();
    client = createClient({ baseUrl: gateway.grpcUrl });
  });

  afterAll(async () => {
    client.close();
    await gateway.stop();
  });

  test("streams an answer of the mock to its end", async () => {
    let said = "";
    let last: string | undefined;
    for await (const { event } of client.chat(question)) {
      last = event.case;
      if (event.case === "textDelta") said += event.value.text;
    }
    expect(said).toContain("Why is the sky blue?");
    expect(last).toBe("finished");
  });

  test("collects the same answer over both listeners", async () => {
    const overHttp = createClient({ baseUrl: gateway.httpUrl });
    const [first, second] = await Promise.all([client.chat(question).collect(), overHttp.chat(question).collect()]);
    overHttp.close();
    expect(second.messages).toEqual(first.messages);
    expect(first).toMatchObject({ provider: "mock", model: "mock" });
  });

  test.each([
    ["Connect", createConnectTransport],
    ["gRPC-Web", createGrpcWebTransport],
  ])("works over %s, as in a browser, with the same answers and failures", async (_name, createTransport) => {
    const other = createClient({ transport: createTransport({ baseUrl: gateway.httpUrl, httpVersion: "1.1" }) });
    const [answer, expected] = await Promise.all([other.chat(question).collect(), client.chat(question).collect()]);
    expect(answer.messages).toEqual(expected.messages);
    const failure = (caller: Client): Promise<unknown> =>
      caller
        .persona("nobody")
        .chat("Hi")
        .collect()
        .catch(({ code, reason, message, retryable }) => ({ code, reason, message, retryable }));
    expect(await failure(other)).toEqual(await failure(client));
  });

  test("reads capabilities and typed failures of the gateway", async () => {
    const { providers } = await client.capabilities();
    expect(providers.map(({ provider, spends }) => [provider, spends])).toEqual([["mock", false]]);
    await expect(client.persona("nobody").chat("Hi").collect()).rejects.toMatchObject({
      code: "NOT_FOUND",
      reason: "PERSONA_NOT_FOUND",
      retryable: false,
    });
    await expect(client.chat({ messages: [] }).collect()).rejects.toMatchObject({
      reason: "INVALID_FIELD",
      details: { badRequest: { fieldViolations: [{ field: "messages" }] } },
    });
  });

  test("sends its key, and is told when it is missing or wrong", async () => {
    const key = {
      name: "k",
      sha256: hashKey("secret-1"),
      tenant: "t",
      roles: [CallerRole.CALLER],
      providerOptions: false,
    };
    const guarded = await startTestGateway({ config: { keys: [key] } });
    const outcome = async (apiKey?: string): Promise<string> => {
      const caller = createClient({ baseUrl: guarded.grpcUrl, ...(apiKey === undefined ? {} : { apiKey }) });
      const said = caller.persona("default").chat("Hi").collect();
      return said
        .then(
          ({ text: words }) => words,
          (thrown) => thrown.reason,
        )
        .finally(() => caller.close());
    };
    try {
      expect(await outcome()).toBe("AUTH_INVALID");
      expect(await outcome("secret-2")).toBe("AUTH_INVALID");
      expect(await outcome("secret-1")).toContain("Hi");
    } finally {
      await guarded.stop();
    }
  });
});

// Seen red without the abort in chat-stream.ts: nothing then tells the gateway that the reader has left.
test("leaving the loop aborts the provider's request", async () => {
  const aborted = Promise.withResolvers<void>();
  const play: Play = async function* ({ step, signal }) {
    signal.addEventListener("abort", () => aborted.resolve(), { once: true });
    yield [textDelta({ step, part: 0 }, "It ")];
    await aborted.promise;
    signal.throwIfAborted();
  };
  const gateway = await startTestGateway({
    providers: [testProvider({ name: "scripted", kind: "scripted" })],
    kinds: [scriptedKind(play)],
  });
  const client = createClient({ baseUrl: gateway.grpcUrl });
  try {
    for await (const { event } of client.chat(question)) if (event.case === "textDelta") break;
    await within(aborted.promise, { what: "the provider's abort" });
  } finally {
    client.close();
    await gateway.stop();
  }
});

describe("a gateway that goes away", () => {
  /** What a call fails with whose server sends `body` and then cuts the connection. */
  const failureAfter = async (body: Uint8Array): Promise<unknown> => {
    const server = createServer((request, response) => {
      request.resume();
      response.writeHead(200, { "content-type": "application/grpc" });
      response.write(body, () => setTimeout(() => request.stream.session?.socket.destroy(), 20));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const client = createClient({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    try {
      return await client.chat(question).collect();
    } catch (thrown) {
      return thrown;
    } finally {
      client.close();
      server.close();
    }
  };
  const event = toBinary(
    ChatResponseSchema,
    create(ChatResponseSchema, { sequence: 1, event: { case: "textDelta", value: { text: "It" } } }),
  );

  // Seen red while a broken connection was told as a cancellation.
  test("in the middle of an answer is not available, rather than cancelled, and the call is not to be repeated", async () => {
    const failure = await failureAfter(Buffer.concat([Buffer.from([0, 0, 0, 0, event.length]), event]));
    expect(failure).toMatchObject({ code: "UNAVAILABLE", reason: "", partial: true, retryable: false });
  });

  test("before an answer is not available, and the call may be repeated", async () => {
    const failure = await failureAfter(new Uint8Array());
    expect(failure).toMatchObject({ code: "UNAVAILABLE", reason: "", partial: false, retryable: true });
  });
});
