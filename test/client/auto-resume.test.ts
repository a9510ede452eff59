import { create } from "@bufbuild/protobuf";
import { ConnectError, Code as RpcCode } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import { ChatError, createClient, OnDisconnect, Role, text } from "../../src/client/index.ts";
import { chatEvent, textDelta } from "../../src/contract/events.ts";
import { ExecutionError } from "../../src/errors.ts";
import { type ChatRequest, type ChatResponse, FinishedSchema } from "../../src/gen/execution/v1/chat_pb.js";
import type { ResumeRequest } from "../../src/gen/execution/v1/streams_pb.js";
import { inMemory, wireError } from "./in-memory.ts";

const question = { messages: [{ role: Role.USER, parts: [text("Why?")] }] };

const all: readonly ChatResponse[] = [
  chatEvent({
    case: "started",
    value: { $typeName: "execution.v1.Started", streamId: "s", requestId: "r", resumeToken: "s.token", persona: "p" },
  }),
  ...["a", "b", "c", "d"].map((word) => textDelta({ step: 0, part: 0 }, word)),
  chatEvent({ case: "finished", value: create(FinishedSchema) }),
].map((event, index) => ({ ...event, sequence: index + 1 }));

const broken = new ConnectError("the connection broke", RpcCode.Unavailable);

/** What a stream does: so many events of all, from the one after `after`; then an error. */
interface Play {
  readonly until: number;
  readonly error?: ConnectError;
}

/** A client of a gateway that plays a chat, then what is resumed of it; and what it was asked. */
function play(chat: Play, ...rest: readonly Play[]) {
  const asked: { chat?: ChatRequest; readonly resumes: ResumeRequest[]; readonly cancels: string[] } = {
    resumes: [],
    cancels: [],
  };
  const client = createClient({
    transport: inMemory({
      chat: async function* (request) {
        asked.chat = request;
        yield* all.slice(0, chat.until);
        if (chat.error !== undefined) throw chat.error;
      },
      cancel: ({ streamId }) => {
        asked.cancels.push(streamId);
        return {};
      },
      resume: async function* (request) {
        const next = rest[asked.resumes.length];
        asked.resumes.push(request);
        yield* all.slice(request.afterSequence, next?.until);
        if (next?.error !== undefined) throw next.error;
      },
    }),
  });
  const read = async (options = { autoResume: true }, request = {}) => {
    const events: ChatResponse[] = [];
    try {
      for await (const event of client.chat({ ...question, ...request }, options)) events.push(event);
      return { sequences: events.map(({ sequence }) => sequence) };
    } catch (error) {
      return { sequences: events.map(({ sequence }) => sequence), error: error as ChatError };
    }
  };
  return { asked, read, client };
}

const reattach = wireError(new ExecutionError("REATTACH", "go on elsewhere"));

describe("a chat that resumes by itself", () => {
  // Mutants seen red: the sequence not counted; only broken connections taken for lost.
  test.each([
    ["a connection that breaks", broken],
    ["a gateway that shuts down", reattach],
    ["a proxy that ends the stream as if all were well", undefined],
  ])("goes on after %s, without gap and repeat", async (_name, error) => {
    const lost = error === undefined ? {} : { error };
    const { asked, read } = play({ until: 3, ...lost }, { until: 3, ...lost }, { until: 5, ...lost }, { until: 6 });
    expect(await read()).toEqual({ sequences: [1, 2, 3, 4, 5, 6] });
    expect(asked.resumes.map(({ resumeToken, afterSequence }) => [resumeToken, afterSequence])).toEqual([
      ["s.token", 3],
      ["s.token", 3],
      ["s.token", 5],
    ]);
    expect(asked.chat?.onDisconnect).toBe(OnDisconnect.CONTINUE);
  });

  // Mutant seen red: every error taken for a lost stream.
  test("ends with what the gateway says it ended with", async () => {
    const failed = wireError(new ExecutionError("UPSTREAM_TRUNCATED", "cut", { partial: true }));
    const { asked, read } = play({ until: 3, error: broken }, { until: 4, error: failed });
    expect(await read()).toMatchObject({ sequences: [1, 2, 3, 4], error: { reason: "UPSTREAM_TRUNCATED" } });
    expect(asked.resumes).toHaveLength(1);
  });

  test("gives up when nothing more comes, with what it was lost by", async () => {
    const nothing = { until: 3, error: broken };
    const { asked, read } = play(nothing, ...Array.from({ length: 20 }, () => nothing));
    const { sequences, error } = await read();
    expect(sequences).toEqual([1, 2, 3]);
    expect(error).toBeInstanceOf(ChatError);
    expect(error).toMatchObject({ code: "UNAVAILABLE", partial: true });
    expect(asked.resumes).toHaveLength(6);
  });

  test("does not repeat a request of which nothing is known", async () => {
    const { asked, read } = play({ until: 0, error: broken });
    expect(await read()).toMatchObject({ sequences: [], error: { code: "UNAVAILABLE" } });
    expect(asked.resumes).toHaveLength(0);
  });

  test("leaves a request's own on_disconnect, and is nobody's who did not ask for it", async () => {
    const cancel = play({ until: 6 });
    await cancel.read({ autoResume: true }, { onDisconnect: OnDisconnect.CANCEL });
    expect(cancel.asked.chat?.onDisconnect).toBe(OnDisconnect.CANCEL);
    const plain = play({ until: 3, error: broken });
    expect(await plain.read({ autoResume: false })).toMatchObject({ error: { code: "UNAVAILABLE" } });
    expect(plain.asked.chat?.onDisconnect).toBe(OnDisconnect.UNSPECIFIED);
    expect(plain.asked.resumes).toHaveLength(0);
  });

  // Mutant seen red: the call left to go on, and to be paid for, until its time without a reader is over.
  test("ends with its reader: who leaves the loop, or aborts, cancels the call", async () => {
    const loop = play({ until: 6 });
    for await (const { sequence } of loop.client.chat(question, { autoResume: true })) if (sequence === 3) break;
    expect(loop.asked.cancels).toEqual(["s"]);
    const aborted = play({ until: 3, error: broken });
    const controller = new AbortController();
    const reading = (async () => {
      for await (const { sequence } of aborted.client.chat(question, { autoResume: true, signal: controller.signal })) {
        if (sequence === 3) controller.abort();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: "CANCELLED" });
    expect(aborted.asked.cancels).toEqual(["s"]);
  });

  // Mutant seen red: a Cancel for every call that is left.
  test("cancels nothing that has ended, or that its caller wants to go on", async () => {
    const whole = play({ until: 6 });
    await whole.read();
    const wanted = play({ until: 6 });
    const request = { ...question, onDisconnect: OnDisconnect.CONTINUE };
    for await (const { sequence } of wanted.client.chat(request, { autoResume: true })) if (sequence === 3) break;
    const lost = play({ until: 3, error: wireError(new ExecutionError("UPSTREAM_TRUNCATED", "cut")) });
    await lost.read();
    expect([...whole.asked.cancels, ...wanted.asked.cancels, ...lost.asked.cancels]).toEqual([]);
  });
});
