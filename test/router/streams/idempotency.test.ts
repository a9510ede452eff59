import { create, fromJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { textDelta, usageEvent } from "../../../src/contract/events.ts";
import { unknownUsage } from "../../../src/contract/usage.ts";
import { ExecutionError } from "../../../src/errors.ts";
import { ChatRequestSchema, type ChatResponse, OnDisconnect } from "../../../src/gen/execution/v1/chat_pb.js";
import { Code } from "../../../src/gen/google/rpc/code_pb.js";
import { hashOfRequest } from "../../../src/router/streams/canonical.ts";
import { drainStream } from "../../support/routing.ts";
import type { Play } from "../../support/scripted-adapter.ts";
import {
  chatRequest,
  createRig,
  endableContext,
  endlessWords,
  readSome,
  startedOf,
  strangersContext,
  words,
} from "./rig.ts";

const keyed = { idempotencyKey: "order-1" };

const said = (events: readonly ChatResponse[]) => events.map(({ sequence, event }) => [sequence, event.case]);

/** Some content and usage, then a failure of the provider that it bills for. */
const failBilled: Play = async function* ({ step, attempt }) {
  yield [textDelta({ step, part: 0 }, "x"), usageEvent(step, attempt, { ...unknownUsage(), outputTotal: 3 }, false)];
  throw new ExecutionError("PROVIDER_INTERNAL", "the provider failed");
};

/** No answer that was heard of, and no word on what was used. */
const failInDoubt: Play = async function* () {
  yield [];
  throw new ExecutionError("PROVIDER_TIMEOUT", "no answer in time");
};

describe("an idempotency key", () => {
  // Mutant seen red: the key not looked at.
  test("makes a hundred calls at once one call to the provider, whose events all of them get", async () => {
    const rig = createRig(words(20));
    const outcomes = await Promise.all(Array.from({ length: 100 }, () => drainStream(() => rig.open(keyed))));
    expect(rig.calls).toHaveLength(1);
    const [first] = outcomes;
    expect(first?.events.at(-1)?.event.case).toBe("finished");
    for (const outcome of outcomes) expect(said(outcome.events)).toEqual(said(first?.events ?? []));
    expect(new Set(outcomes.map(({ events }) => startedOf(events).streamId)).size).toBe(1);
  });

  // Mutant seen red: the call ended when the first of its readers leaves.
  test("joins a call in flight: who joins reads on when the one that began it has left", async () => {
    const rig = createRig(words(20));
    const context = endableContext();
    const first = await readSome(rig.open(keyed, context)[Symbol.asyncIterator](), 5);
    const joined = rig.open(keyed)[Symbol.asyncIterator]();
    const some = await readSome(joined, 3);
    context.leave();
    const rest = await drainStream(() => ({ [Symbol.asyncIterator]: () => joined }));
    expect(said([...some.events, ...rest.events]).slice(0, first.events.length)).toEqual(said(first.events));
    expect(rest.events.at(-1)?.event.case).toBe("finished");
    expect(rig.calls).toHaveLength(1);
  });

  // Mutants seen red: a key whose every failure frees it; one that is free unless the provider is known to have billed.
  test.each([
    ["finished", words(3)],
    ["failed after the provider billed", failBilled],
    ["failed after the provider may have billed", failInDoubt],
  ] as const)("replays a call that %s", async (_name, play) => {
    const rig = createRig(play);
    const first = await drainStream(() => rig.open(keyed));
    const again = await drainStream(() => rig.open(keyed));
    expect(said(again.events)).toEqual(said(first.events));
    expect(again.error?.message).toBe(first.error?.message);
    expect(again.error?.extras.failure).toEqual(first.error?.extras.failure);
    expect(rig.calls).toHaveLength(1);
  });

  // Mutants seen red: the provider called again when the log is gone; what the call did not kept.
  test.each([
    ["the stream is still known", {}],
    ["nothing else is known of the stream", { maxEnded: 0 }],
  ])("says what it cost when the answer is not kept any more, and calls nobody: %s", async (_name, logs) => {
    const rig = createRig(words(3), { logs: { maxLogMemoryBytes: 1, ...logs } });
    const first = await drainStream(() => rig.open(keyed));
    const { error } = await drainStream(() => rig.open(keyed));
    const { streamId } = startedOf(first.events);
    expect(error).toMatchObject({
      reason: "IDEMPOTENCY_REPLAY_EXPIRED",
      code: Code.FAILED_PRECONDITION,
      retryable: false,
      extras: {
        failure: { streamId, costNanoUsd: 0n, attempts: [{ attempt: 0 }], lastSequence: first.events.length },
        preconditions: [{ type: "IDEMPOTENCY_KEY" }],
      },
    });
    expect(rig.calls).toHaveLength(1);
  });

  test("cannot be joined when the beginning of a long answer is gone", async () => {
    const rig = createRig(words(2000), { logs: { maxLogBytes: 8192 } });
    const owner = rig.open(keyed)[Symbol.asyncIterator]();
    const { streamId } = await readSome(owner, 1000);
    const { error } = await drainStream(() => rig.open(keyed));
    expect(error).toMatchObject({ reason: "IDEMPOTENCY_REPLAY_EXPIRED", extras: { failure: { streamId } } });
    await rig.streams.close();
  });

  // Mutant seen red: the hash not compared.
  test("is refused for another request", async () => {
    const rig = createRig(words(1));
    await drainStream(() => rig.open(keyed));
    const { error } = await drainStream(() => rig.open({ ...keyed, endUserId: "somebody" }));
    expect(error).toMatchObject({ reason: "IDEMPOTENCY_MISMATCH", code: Code.FAILED_PRECONDITION, retryable: false });
    expect(rig.calls).toHaveLength(1);
  });

  // Mutant seen red: the key without its tenant.
  test("is each tenant's own", async () => {
    const rig = createRig(words(1));
    await drainStream(() => rig.open(keyed));
    const other = await drainStream(() => rig.open({ ...keyed, endUserId: "somebody" }, strangersContext()));
    expect(other.error).toBeUndefined();
    expect(rig.calls).toHaveLength(2);
  });

  // Mutant seen red: a key that is never freed.
  test("is free again after a call that failed before anybody billed it", async () => {
    let plays = 0;
    const rig = createRig(async function* (input) {
      plays += 1;
      if (plays > 1) return yield* words(1)(input);
      input.onHeaders();
      throw new ExecutionError("PROVIDER_REJECTED", "no");
    });
    expect((await drainStream(() => rig.open(keyed))).error).toMatchObject({ reason: "PROVIDER_REJECTED" });
    const again = await drainStream(() => rig.open({ ...keyed, endUserId: "somebody" }));
    expect(again.events.at(-1)?.event.case).toBe("finished");
  });

  // Mutant seen red: a signal that has fired before the stream began not looked at.
  test("is free again when its caller has left before anything was sent", async () => {
    const rig = createRig(endlessWords);
    const context = endableContext();
    const stream = rig.open(keyed, context)[Symbol.asyncIterator]();
    context.leave();
    await expect(stream.next()).rejects.toMatchObject({ reason: "CANCELLED" });
    await rig.streams.settled();
    expect(rig.calls).toHaveLength(0);
    const again = endableContext();
    const other = rig.open({ ...keyed, endUserId: "x" }, again)[Symbol.asyncIterator]();
    expect((await readSome(other, 3)).events.length).toBeGreaterThanOrEqual(3);
    again.leave();
    await rig.streams.settled();
  });

  test("of a caller that left is joined while its call goes on", async () => {
    const rig = createRig(words(30));
    const request = { ...keyed, onDisconnect: OnDisconnect.CONTINUE };
    const context = endableContext();
    await readSome(rig.open(request, context)[Symbol.asyncIterator](), 4);
    context.leave();
    const { events } = await drainStream(() => rig.open(request));
    expect(events.at(-1)?.event.case).toBe("finished");
    expect(rig.calls).toHaveLength(1);
  });

  // Mutant seen red: no bound, or the oldest key forgotten in its place, which would bill twice.
  test("is refused rather than forgotten where no more can be kept; after a day it is free", async () => {
    let now = 1_000_000;
    const rig = createRig(words(1), { logs: { maxKeys: 4 }, nowMs: () => now });
    for (const idempotencyKey of ["a", "b"]) await drainStream(() => rig.open({ idempotencyKey }));
    const refused = await drainStream(() => rig.open({ idempotencyKey: "c" }));
    expect(refused.error).toMatchObject({ reason: "OVERLOADED", extras: { retryAfterMs: 86_400_000 } });
    expect(rig.calls).toHaveLength(2);
    now += 86_400_000;
    expect((await drainStream(() => rig.open({ idempotencyKey: "c" }))).error).toBeUndefined();
    await drainStream(() => rig.open({ idempotencyKey: "a" }));
    expect(rig.calls).toHaveLength(4);
  });
});

describe("the hash of a request", () => {
  const base = { messages: [{ role: "MESSAGE_ROLE_USER", parts: [{ text: { text: "hi" } }] }] };
  const hash = (json: object) => hashOfRequest(fromJson(ChatRequestSchema, { ...base, ...json } as never));

  // Mutants seen red: members in the order they came in; the key in the hash.
  test("does not depend on the order of members and on the key", () => {
    const one = { metadata: { b: "1", a: "2", "10": "3", "9": "4" } };
    const other = { metadata: { "9": "4", "10": "3", a: "2", b: "1" } };
    expect(hash({ ...one, idempotencyKey: "k" })).toBe(hash({ idempotencyKey: "l", ...other }));
  });

  test("is what the documentation says: SHA-256 of the sorted ProtoJSON", () => {
    // printf %s '{"messages":[{"parts":[{"text":{"text":"hi"}}],"role":"MESSAGE_ROLE_USER"}]}' | sha256sum
    expect(hash({})).toBe("406d7f324a1041cf23f03cb176dce5a13be129f43d7b916067be10ecc7f8349a");
  });

  test("is another one for another request", () => {
    const requests = [
      {},
      { persona: "x" },
      { metadata: { a: "1" } },
      { metadata: { a: "2" } },
      { onDisconnect: "ON_DISCONNECT_CONTINUE" },
      { sampling: { temperature: 0 } },
    ];
    expect(new Set(requests.map(hash)).size).toBe(requests.length);
    expect(hashOfRequest(create(ChatRequestSchema))).not.toBe(hashOfRequest(chatRequest()));
  });
});
