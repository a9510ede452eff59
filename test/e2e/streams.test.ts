import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { AdapterKind } from "../../src/adapters/adapter.ts";
import { textDelta, toolCallDelta, toolCallFinished, toolCallStarted } from "../../src/contract/events.ts";
import { ExecutionError } from "../../src/errors.ts";
import type { RunningGateway } from "../../src/gateway.ts";
import { OnDisconnect } from "../../src/gen/execution/v1/chat_pb.js";
import { Executor, MessageRole } from "../../src/gen/execution/v1/content_pb.js";
import { Role } from "../../src/gen/execution/v1/options_pb.js";
import { StreamState } from "../../src/gen/execution/v1/streams_pb.js";
import { AttemptOutcome } from "../../src/gen/execution/v1/usage_pb.js";
import { Code } from "../../src/gen/google/rpc/code_pb.js";
import { hashKey } from "../../src/server/auth.ts";
import { startTestGateway, testProvider } from "../support/gateway.ts";
import { createScriptedAdapter, finishedEvent } from "../support/scripted-adapter.ts";
import { waitFor } from "../support/wait.ts";
import { API_KEYS } from "./cases.ts";
import { brokenInvariant, normalise, type Outcome } from "./outcome.ts";
import { openStreamWires, STREAM_WIRES, type StreamWire, startedOf, WireFailure } from "./stream-wires.ts";

const STRANGER = "stranger-key-0123456789abcdef0123456789abcdef";

/** Signals of the provider's calls. */
const calls: AbortSignal[] = [];

/** A kind that says ten words; then the model `failing` fails, while `endless` goes on for ever. */
const wordsKind: AdapterKind = {
  kind: "words",
  needsKey: false,
  check: () => [],
  create: ({ name }) =>
    createScriptedAdapter({
      name,
      play: async function* ({ step, signal, model }) {
        calls.push(signal);
        for (let word = 0; word < 10 || model === "endless"; word += 1) {
          await sleep(1);
          signal.throwIfAborted();
          yield [textDelta({ step, part: 0 }, `wörd ${word} `)];
        }
        if (model === "calling") {
          const [place, head] = [
            { step, part: 1 },
            { id: "call_1", idMinted: false, name: "look", executor: Executor.CALLER, freeForm: false },
          ];
          yield [toolCallStarted(place, head)];
          yield [toolCallDelta(place, '{"a":')];
          yield [toolCallDelta(place, "1}"), toolCallFinished(place, head, '{"a":1}')];
        }
        if (model === "failing") throw new ExecutionError("PROVIDER_INTERNAL", "the provider failed");
        yield [finishedEvent()];
      },
    }),
};

describe("a stream on every wire", () => {
  let gateway: RunningGateway;
  let wires: readonly StreamWire[];
  const wire = (name: string): StreamWire => {
    const found = wires.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no wire ${name}`);
    return found;
  };

  beforeAll(async () => {
    const key = (name: string, secret: string, tenant: string) => ({
      name,
      sha256: hashKey(secret),
      tenant,
      roles: [Role.CALLER],
      providerOptions: false,
    });
    gateway = await startTestGateway({
      kinds: [wordsKind],
      providers: [testProvider({ name: "words", kind: "words" })],
      config: { keys: [key("caller", API_KEYS.caller, "t"), key("stranger", STRANGER, "other")] },
    });
    wires = openStreamWires(gateway);
  });

  afterAll(async () => {
    await gateway.stop();
  });

  const asking = (model: string, onDisconnect = OnDisconnect.CONTINUE) => ({
    provider: "words",
    model,
    onDisconnect,
    messages: [{ role: MessageRole.USER, parts: [{ kind: { case: "text" as const, value: { text: "hi" } } }] }],
  });

  /** Does something over every wire at once. */
  const onEach = (task: (each: StreamWire) => Promise<Outcome>) =>
    Promise.all(wires.map(async (each) => [each.name, await task(each)] as const));

  // Mutants seen red: `Last-Event-ID` not looked at; the id of the resuming request in the terminal status; a text that the log gives back without
  // its last blank.
  test.each(STREAM_WIRES)(
    "that is begun over %s and cut after any event goes on over every wire as if it had not been",
    async (name) => {
      for (const [model, length, code] of [
        ["finishing", 14, undefined],
        ["failing", 12, Code.ABORTED],
      ] as const) {
        const whole = await wire(name).chat(asking(model));
        expect({ length: whole.events.length, code: whole.failure?.code }).toEqual({ length, code });
        for (let cut = 1; cut <= length; cut += 1) {
          const left = await wire(name).chat(asking(model), cut);
          const seen = left.events.slice(0, cut);
          for (const [over, { events, failure }] of await onEach((each) => each.resume(seen))) {
            const joined = { events: [...seen, ...events], failure };
            expect({ cut, over, ...normalise(joined) }).toEqual({ cut, over, ...normalise(whole) });
            expect({ cut, over, broken: brokenInvariant(joined) }).toEqual({ cut, over, broken: undefined });
          }
        }
      }
    },
  );

  // Mutant seen red: a reader whose RPC is over not taken off its stream.
  test.each(STREAM_WIRES)(
    "whose caller leaves over %s under CANCEL is closed at the provider, and says so to whoever asks",
    async (name) => {
      const before = calls.length;
      const { events } = await wire(name).chat(asking("endless", OnDisconnect.CANCEL), 3);
      await waitFor(() => calls[before]?.aborted, { what: "the provider's end" });
      const { streamId } = startedOf(events);
      for (const each of wires) {
        const { failure } = await each.resume(events);
        expect({ name: each.name, code: failure?.code }).toEqual({ name: each.name, code: Code.CANCELLED });
        expect(await each.getStream(streamId)).toMatchObject({
          state: StreamState.CANCELLED,
          attempts: [{ outcome: AttemptOutcome.CANCELLED }],
          error: { code: Code.CANCELLED },
        });
      }
    },
  );

  test.each(STREAM_WIRES)("is cancelled, described, and hidden from others over %s", async (name) => {
    const over = wire(name);
    const { events } = await over.chat(asking("endless"), 3);
    const { streamId, requestId } = startedOf(events);
    expect(await over.getStream(streamId)).toMatchObject({
      streamId,
      requestId,
      persona: "default",
      state: StreamState.RUNNING,
    });
    const notFound = { failure: { code: Code.NOT_FOUND } };
    await expect(over.getStream(streamId, STRANGER)).rejects.toMatchObject(notFound);
    await expect(over.cancel(streamId, STRANGER)).rejects.toMatchObject(notFound);
    await expect(over.cancel("stream_0")).rejects.toBeInstanceOf(WireFailure);
    expect((await over.resume(events, STRANGER)).failure?.code).toBe(Code.NOT_FOUND);
    expect(await over.cancel(streamId)).toBe(StreamState.CANCELLED);
    expect((await over.resume(events)).failure?.code).toBe(Code.CANCELLED);
  });

  // Mutant seen red: the short form, which is read from its beginning, never compared with where the client says it is.
  test.each(["short", "proto"])("is not resumed ahead of its events, in the %s form", async (form) => {
    const { events } = await wire("gRPC").chat(asking("endless"), 3);
    const { streamId } = startedOf(events);
    const response = await fetch(`${gateway.httpUrl}/v1/streams/${streamId}/events?events=${form}`, {
      headers: { authorization: `Bearer ${API_KEYS.caller}`, "last-event-id": `${streamId}:4000000000` },
      signal: AbortSignal.timeout(5000),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ reason: "INVALID_FIELD" });
    await wire("gRPC").cancel(streamId);
  });

  // Mutant seen red: the short form not read from its beginning, so that nobody knows whose arguments come.
  test("that is resumed within a tool call says in the short form whose arguments come", async () => {
    const { events } = await wire("gRPC").chat(asking("calling"));
    const { streamId } = startedOf(events);
    const begun = events.find(({ event }) => event.case === "toolCallStarted")?.sequence;
    const response = await fetch(`${gateway.httpUrl}/v1/streams/${streamId}/events`, {
      headers: { authorization: `Bearer ${API_KEYS.caller}`, "last-event-id": `${streamId}:${begun}` },
    });
    const [first] = (await response.text()).split("\n\n");
    expect(first?.split("\n").slice(1)).toEqual(["event: tool_call_delta", 'data: {"id":"call_1","args":"{\\"a\\":"}']);
  });
});
