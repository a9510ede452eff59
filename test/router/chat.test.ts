import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { reasoningDelta, textDelta, usageEvent } from "../../src/contract/events.ts";
import { createInvariantChecker } from "../../src/contract/invariants.ts";
import { unknownUsage } from "../../src/contract/usage.ts";
import { ExecutionError } from "../../src/errors.ts";
import { ChatRequestSchema, type ChatResponse } from "../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../src/gen/execution/v1/content_pb.js";
import { AttemptOutcome, Billed } from "../../src/gen/execution/v1/usage_pb.js";
import { Code } from "../../src/gen/google/rpc/code_pb.js";
import { drainStream, testContext, testRouter, testState } from "../support/routing.ts";
import { answer, createScriptedAdapter, finishedEvent, type Play } from "../support/scripted-adapter.ts";

const request = create(ChatRequestSchema, {
  messages: [{ role: MessageRole.USER, parts: [{ kind: { case: "text", value: { text: "hi" } } }] }],
});

const play = (script: Play, context = testContext()) =>
  drainStream(() =>
    testRouter(testState([createScriptedAdapter({ name: "near", play: script })])).chat(request, context),
  );

const cases = (events: readonly ChatResponse[]) => events.map(({ event }) => event.case);

function broken(events: readonly ChatResponse[], outcome: "success" | "error"): string | undefined {
  const checker = createInvariantChecker();
  for (const event of events) {
    const problem = checker.next(event);
    if (problem !== undefined) return problem;
  }
  return checker.end(outcome);
}

const failing = (error: Error): Play =>
  async function* () {
    yield [];
    throw error;
  };

const boom = new ExecutionError("PROVIDER_INTERNAL", "the provider failed", { providerMessage: "boom" });

describe("a call that succeeds", () => {
  test("is numbered from `started` to `finished`, which sums it up", async () => {
    const { events, error } = await play(answer("hello", 7));
    expect(error).toBeUndefined();
    expect(cases(events)).toEqual(["started", "attemptStarted", "textDelta", "usage", "finished"]);
    expect(broken(events, "success")).toBeUndefined();
    expect(events.at(-1)?.event.value).toMatchObject({
      attempt: 0,
      candidate: { provider: "near", kind: "scripted", model: "model-1" },
      usage: { inputTotal: 2, outputTotal: 7 },
      attempts: [{ outcome: AttemptOutcome.WON, billed: Billed.YES }],
    });
  });

  // Mutant seen red: not adding the final usage.
  test("has a final usage before `finished` even if the provider reports none; unknown stays absent", async () => {
    const { events } = await play(async function* () {
      yield [textDelta({ step: 0, part: 0 }, "x"), finishedEvent()];
    });
    expect(cases(events).slice(-2)).toEqual(["usage", "finished"]);
    expect(events.at(-2)?.event.value).toMatchObject({ final: true, usage: { source: 0 } });
    expect(events.at(-1)?.event.value).not.toHaveProperty("usage.inputTotal");
    expect(broken(events, "success")).toBeUndefined();
  });

  test("has nothing after `finished`, whatever the adapter says", async () => {
    const { events } = await play(async function* () {
      yield [finishedEvent()];
      yield [textDelta({ step: 0, part: 0 }, "late")];
    });
    expect(cases(events).at(-1)).toBe("finished");
  });
});

describe("a call that fails", () => {
  // Mutant seen red: ending quietly when the adapter ends.
  test("without the end marker it is truncated, never a success", async () => {
    const { events, error } = await play(async function* () {
      yield [textDelta({ step: 0, part: 0 }, "half")];
    });
    expect(error).toMatchObject({ reason: "UPSTREAM_TRUNCATED", code: Code.ABORTED, retryable: false });
    expect(broken(events, "error")).toBeUndefined();
  });

  test("before content it says so in the stream and keeps the table's code", async () => {
    const { events, error } = await play(failing(boom));
    expect(cases(events)).toEqual(["started", "attemptStarted", "attemptFailed"]);
    expect(events.at(-1)?.event.value).toMatchObject({ reason: "PROVIDER_INTERNAL", providerMessage: "boom" });
    expect(error).toMatchObject({ code: Code.UNAVAILABLE, retryable: true });
    expect(error?.extras).toMatchObject({
      partial: false,
      provider: "near",
      model: "model-1",
      failure: { lastSequence: 3 },
    });
  });

  // Mutant seen red: keeping the table's code after content (UNAVAILABLE would be retried and billed twice).
  test("after content it is ABORTED, partial, not retryable, with the usage so far", async () => {
    const { events, error } = await play(async function* () {
      yield [
        reasoningDelta({ step: 0, part: 0 }, "hm"),
        usageEvent(0, 0, { ...unknownUsage(), outputTotal: 3 }, false),
      ];
      throw boom;
    });
    expect(cases(events)).not.toContain("attemptFailed");
    expect(error).toMatchObject({ code: Code.ABORTED, reason: "PROVIDER_INTERNAL", retryable: false });
    expect(error?.extras).toMatchObject({
      partial: true,
      failure: {
        lastSequence: 4,
        usage: { outputTotal: 3 },
        attempts: [{ billed: Billed.YES, reason: "PROVIDER_INTERNAL" }],
      },
    });
  });

  test.each([
    ["DEADLINE", Code.DEADLINE_EXCEEDED],
    ["CANCELLED", Code.CANCELLED],
  ] as const)("%s keeps its own code after content", async (reason, code) => {
    const { error } = await play(async function* () {
      yield [textDelta({ step: 0, part: 0 }, "x")];
      throw new ExecutionError(reason, "over");
    });
    expect(error).toMatchObject({
      code,
      extras: { partial: true, failure: { attempts: [{ outcome: AttemptOutcome.CANCELLED }] } },
    });
  });

  test("by a bug it shows an id and nothing else", async () => {
    const { error } = await play(failing(new TypeError("secret detail")));
    expect(error).toMatchObject({ reason: "BUG", code: Code.INTERNAL });
    expect(error?.message).not.toContain("secret");
  });
});

describe("leaving a call", () => {
  // Mutant seen red: a stream stage that reads the next one by hand and does not hand return() on.
  test("closing the iterator closes the adapter's", async () => {
    let closed = false;
    const adapter = createScriptedAdapter({
      name: "near",
      play: async function* () {
        try {
          while (true) yield [textDelta({ step: 0, part: 0 }, "x")];
        } finally {
          closed = true;
        }
      },
    });
    let read = 0;
    for await (const batch of testRouter(testState([adapter])).chat(request, testContext())) {
      read += batch.length;
      if (read > 5) break;
    }
    expect(closed).toBe(true);
  });

  // Mutant seen red: an attempt's signal that does not follow the call's.
  test("fires the adapter's signal with the call's reason, and leaves nothing on the call's", async () => {
    const caller = new AbortController();
    const gone = new ExecutionError("CANCELLED", "gone");
    const adapter = createScriptedAdapter({
      name: "near",
      play: async function* ({ signal }) {
        yield [textDelta({ step: 0, part: 0 }, "x")];
        caller.abort(gone);
        throw signal.reason;
      },
    });
    const context = testContext({ signal: caller.signal });
    const { error } = await drainStream(() => testRouter(testState([adapter])).chat(request, context));
    expect(error).toMatchObject({ reason: "CANCELLED", message: "gone" });
  });
});

test("a refusal is thrown before anything is sent or started", () => {
  const adapter = createScriptedAdapter({ name: "near" });
  const router = testRouter(testState([adapter]));
  expect(() => router.chat(create(ChatRequestSchema, { persona: "nobody" }), testContext())).toThrow(
    "there is no persona",
  );
  expect(adapter.inputs).toEqual([]);
});
