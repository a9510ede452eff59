import { create, toBinary } from "@bufbuild/protobuf";
import { Metadata, status } from "@grpc/grpc-js";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { MAX_STATUS_BYTES, toStatus } from "../../../src/contract/error-details.ts";
import { textDelta } from "../../../src/contract/events.ts";
import { unknownUsage } from "../../../src/contract/usage.ts";
import { ExecutionError, type Reason } from "../../../src/errors.ts";
import { ChatRequestSchema } from "../../../src/gen/execution/v1/chat_pb.js";
import { ChatFailureSchema } from "../../../src/gen/execution/v1/errors_pb.js";
import { Role } from "../../../src/gen/execution/v1/options_pb.js";
import { StatusSchema } from "../../../src/gen/google/rpc/status_pb.js";
import { hashKey } from "../../../src/server/auth.ts";
import { MAX_TRAILER_BYTES, statusObject } from "../../../src/server/grpc/status.ts";
import type { Play } from "../../support/scripted-adapter.ts";
import { chat, chatBytes, chatRequest, withClient } from "./client.ts";
import { frame, rawCall, withSession } from "./raw.ts";
import { withListener } from "./setup.ts";

const failing = (thrown: unknown, before: readonly string[] = []): Play =>
  async function* ({ step }) {
    yield before.map((text) => textDelta({ step, part: 0 }, text));
    throw thrown;
  };

const outcomeOf = async (play: Play) => {
  const outcomes: Awaited<ReturnType<typeof chat>>[] = [];
  await withListener({ play }, async ({ port }) => {
    await withClient(port, async (client) => {
      outcomes.push(await chat(client));
    });
  });
  const [outcome] = outcomes;
  if (outcome === undefined) throw new Error("no outcome");
  return outcome;
};

const bytesOfTrailers = (trailers: object): number =>
  Object.entries(trailers).reduce((sum, [name, value]) => sum + name.length + String(value).length + 32, 0);

describe("a call that fails", () => {
  // Mutant seen red: no metadata in the status object.
  test("before content has its code, reason and details", async () => {
    await withListener({}, async ({ port }) => {
      await withClient(port, async (client) => {
        const { failure } = await chat(client, create(ChatRequestSchema, { ...chatRequest(), persona: "nobody" }));
        expect(failure).toMatchObject({
          code: status.NOT_FOUND,
          info: {
            reason: "PERSONA_NOT_FOUND",
            domain: "execution-platform",
            metadata: { origin: "caller", retryable: "false", partial: "false" },
          },
          status: { code: status.NOT_FOUND },
        });
        expect(failure?.message).toBe(failure?.status?.message);
        expect(failure?.info?.metadata.request_id).toMatch(/^req_/);
      });
    });
  });

  test("of validation names the fields", async () => {
    await withListener({}, async ({ port }) => {
      await withClient(port, async (client) => {
        const { failure } = await chat(client, create(ChatRequestSchema, { sampling: { temperature: 99 } }));
        expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, info: { reason: "INVALID_FIELD" } });
        expect(failure?.badRequest?.fieldViolations.map(({ field }) => field)).toContain("sampling.temperature");
      });
    });
  });

  test("after content is ABORTED and says what was sent", async () => {
    const { events, failure } = await outcomeOf(
      failing(new ExecutionError("PROVIDER_OVERLOADED", "busy"), ["Once", " upon"]),
    );
    expect(failure).toMatchObject({
      code: status.ABORTED,
      info: { reason: "PROVIDER_OVERLOADED", metadata: { partial: "true", retryable: "false" } },
      chatFailure: { lastSequence: events.length, attempts: [{ attempt: 0 }] },
    });
  });

  // Mutant seen red: the cause's message in the status.
  test("by a bug says nothing of it but an id", async () => {
    await withListener({ play: failing(new Error("secret /home/x")) }, async ({ port, bugs }) => {
      await withClient(port, async (client) => {
        const { failure } = await chat(client);
        expect(failure).toMatchObject({ code: status.INTERNAL, info: { reason: "BUG" } });
        expect(
          JSON.stringify(failure, (_key, value) => (typeof value === "bigint" ? String(value) : value)),
        ).not.toMatch(/secret|home|at /);
        expect(bugs).toMatchObject([{ message: "secret /home/x" }]);
      });
    });
  });

  test.each(["two\nlines", "100 % é 語 👩‍💻", 'a "quoted" \\ word', " spaces ", "tab\tnull\0"])(
    "keeps its message: %j",
    async (message) => {
      const { failure } = await outcomeOf(failing(new ExecutionError("PROVIDER_REJECTED", message)));
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, message, status: { message } });
    },
  );

  // Mutant seen red: the message as it is. Half a surrogate pair then throws while the status is written, and the call hangs.
  test("with half a character in its message is told all the same", async () => {
    const { failure } = await outcomeOf(failing(new ExecutionError("PROVIDER_REJECTED", "half \ud83d.")));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, message: "half \ufffd." });
  });
});

describe("a large failure", () => {
  const words = fc.oneof(
    fc.string({ maxLength: 3000 }),
    fc.nat({ max: 3000 }).map((length) => "語%".repeat(length)),
  );
  const violations = fc.array(fc.record({ field: words, description: words }), { maxLength: 100 });
  const usage = words.map((providerUsageJson) => ({ ...unknownUsage(), providerUsageJson }));
  const attempts = fc.array(
    fc.record({ reason: words, usage, candidate: fc.record({ provider: words, kind: words, model: words }) }),
    { maxLength: 20 },
  );
  const extras = fc.record({
    fields: violations,
    providerMessage: words,
    provider: words,
    model: words,
    failure: fc
      .record({ streamId: fc.string({ maxLength: 80 }), resumeToken: fc.string({ maxLength: 80 }), usage, attempts })
      .map((failure) => create(ChatFailureSchema, failure)),
  });

  // Mutants seen red: the message not cut; no room left for the details.
  test("has a status of at most 4 KiB and trailers of at most 7 KiB, whatever is in it", () => {
    fc.assert(
      fc.property(words, extras, (message, more) => {
        const failed = toStatus(new ExecutionError("PROVIDER_RATE_LIMITED", message, more), "req_1");
        const { code, details, metadata } = statusObject(failed);
        const trailers = {
          ":status": 200,
          "content-type": "application/grpc+proto",
          date: new Date().toUTCString(),
          "grpc-status": code,
          "grpc-message": encodeURI(details),
          ...metadata.toHttp2Headers(),
        };
        expect(toBinary(StatusSchema, failed).length).toBeLessThanOrEqual(MAX_STATUS_BYTES);
        expect(bytesOfTrailers(trailers)).toBeLessThanOrEqual(MAX_TRAILER_BYTES);
      }),
    );
  });

  test("arrives, with its reason, in trailers of at most 7 KiB", async () => {
    const error = new ExecutionError("PROVIDER_RATE_LIMITED", "%語".repeat(2000), {
      providerMessage: "語".repeat(5000),
      provider: "p".repeat(2000),
      retryAfterMs: 1500,
    });
    await withListener({ play: failing(error, ["some"]) }, async ({ port }) => {
      await withSession(port, async (session) => {
        const { trailers, failure } = await rawCall(session, [frame(chatBytes())]);
        expect(failure).toMatchObject({ code: status.ABORTED, info: { reason: "PROVIDER_RATE_LIMITED" } });
        expect(bytesOfTrailers(trailers)).toBeLessThanOrEqual(MAX_TRAILER_BYTES);
      });
    });
  });
});

describe("a call that is refused at its door", () => {
  const keys = [{ name: "k", sha256: hashKey("right"), tenant: "t", roles: [Role.CALLER], providerOptions: true }];
  const viewer = [
    { ...keys[0], name: "v", sha256: hashKey("viewer"), tenant: "t", roles: [Role.VIEWER], providerOptions: false },
  ];

  test.each<[string, Record<string, string>, number, Reason]>([
    ["without a key", {}, status.UNAUTHENTICATED, "AUTH_INVALID"],
    ["with a wrong key", { authorization: "Bearer wrong" }, status.UNAUTHENTICATED, "AUTH_INVALID"],
    ["with a key of another role", { authorization: "Bearer viewer" }, status.PERMISSION_DENIED, "SCOPE_DENIED"],
    [
      "from a foreign page",
      { authorization: "Bearer right", origin: "https://evil.example" },
      status.PERMISSION_DENIED,
      "ORIGIN_DENIED",
    ],
  ])("%s is told so before anything of its body is sent", async (_name, headers, code, reason) => {
    await withListener({ config: { keys: [...keys, ...viewer] } }, async ({ port, dispatcher }) => {
      await withSession(port, async (session) => {
        const { failure } = await rawCall(session, [], headers, true);
        expect(failure).toMatchObject({ code, info: { reason } });
        expect(dispatcher.running).toBe(0);
      });
    });
  });

  test("with the right key is served", async () => {
    await withListener({ config: { keys } }, async ({ port }) => {
      await withClient(port, async (client) => {
        const metadata = new Metadata();
        metadata.set("authorization", "Bearer right");
        expect((await chat(client, chatRequest(), metadata)).failure).toBeUndefined();
      });
    });
  });

  // Mutants seen red: no host handed to the dispatcher; the standard services not guarded.
  test.each(["/execution.v1.ExecutionService/Capabilities", "/grpc.health.v1.Health/Check"])(
    "under a foreign name is refused: %s",
    async (path) => {
      await withListener({}, async ({ port }) => {
        await withSession(port, async (session) => {
          const foreign = { ":path": path, ":authority": "evil.example" };
          const { failure } = await rawCall(session, [frame(new Uint8Array())], foreign);
          expect(failure).toMatchObject({ code: status.PERMISSION_DENIED, info: { reason: "ORIGIN_DENIED" } });
          const page = await rawCall(session, [frame(new Uint8Array())], {
            ":path": path,
            origin: "https://evil.example",
          });
          expect(page.failure).toMatchObject({ info: { reason: "ORIGIN_DENIED" } });
          const own = await rawCall(session, [frame(new Uint8Array())], { ":path": path });
          expect(own.failure.code).toBe(status.OK);
        });
      });
    },
  );
});

test("usage in a failure is told", async () => {
  const play: Play = async function* ({ step, attempt }) {
    const usage = { ...unknownUsage(), inputTotal: 3 };
    yield [
      textDelta({ step, part: 0 }, "x"),
      {
        $typeName: "execution.v1.ChatResponse",
        sequence: 0,
        event: { case: "usage", value: { $typeName: "execution.v1.UsageEvent", step, attempt, usage, final: false } },
      },
    ];
    throw new ExecutionError("UPSTREAM_STALLED", "stalled");
  };
  const { failure } = await outcomeOf(play);
  expect(failure?.chatFailure?.usage).toMatchObject({ inputTotal: 3 });
});
