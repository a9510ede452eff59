import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ChatError, type Client, createClient, OnDisconnect, Role, text } from "../../src/client/index.ts";
import { createInvariantChecker } from "../../src/contract/invariants.ts";
import type { ChatResponse } from "../../src/gen/execution/v1/chat_pb.js";
import { StreamState } from "../../src/gen/execution/v1/streams_pb.js";
import { type SlowProvider, slowText, startSlowProvider } from "../support/slow-provider.ts";
import { startValkeyServer, type ValkeyServer } from "../support/valkey-server.ts";
import { waitFor, within } from "../support/wait.ts";

let server: ValkeyServer;
let provider: SlowProvider;

beforeAll(async () => {
  server = await startValkeyServer();
  provider = await startSlowProvider(20);
});

afterAll(async () => {
  await provider.close();
  await server.stop();
});

const question = (words: number, onDisconnect = OnDisconnect.CANCEL) => ({
  provider: "slow",
  model: `words-${words}`,
  onDisconnect,
  messages: [{ role: Role.USER, parts: [text("hi")] }],
});

/** What one client saw. */
interface Seen {
  readonly events: ChatResponse[];
  /** Reason of the error that ended its first stream. */
  readonly lostBy?: string;
}

/** Reads a chat at one gateway and, if it is told to attach again, goes on at the other. */
async function readOver(first: Client, second: Client, words: number): Promise<Seen> {
  const events: ChatResponse[] = [];
  try {
    for await (const event of first.chat(question(words))) events.push(event);
    return { events };
  } catch (thrown) {
    if (!(thrown instanceof ChatError) || thrown.reason !== "REATTACH") throw thrown;
    const { resumeToken = "", lastSequence = -1 } = thrown.details.failure ?? {};
    expect(lastSequence).toBe(events.at(-1)?.sequence);
    for await (const event of second.resume({ resumeToken, afterSequence: lastSequence })) events.push(event);
    return { events, lostBy: thrown.reason };
  }
}

function textOf(events: readonly ChatResponse[]): string {
  return events.map(({ event }) => (event.case === "textDelta" ? event.value.text : "")).join("");
}

describe("two processes that share streams", () => {
  // Mutants seen red: calls not handed over; a call that is handed over left to its `on_disconnect`.
  test("SIGTERM with 200 running streams: each client gets `finished`, or is told REATTACH and goes on at the peer without gap and repeat", async () => {
    const shared = { EP_STATE_URL: server.url, EP_LIMITS_DRAIN: "2s" };
    const [leaving, staying] = await Promise.all([provider.serve(shared), provider.serve(shared)]);
    const [first, second] = [leaving, staying].map(({ grpcUrl }) => createClient({ baseUrl: grpcUrl }));
    if (first === undefined || second === undefined) throw new Error("no clients");
    try {
      const before = provider.emulator.requests.length;
      const lengths = Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? 20 + (index % 7) : 400));
      const reading = lengths.map((words) => readOver(first, second, words));
      await waitFor(() => provider.emulator.requests.length === before + 200, {
        what: "200 streams",
        timeoutMs: 30_000,
      });
      leaving.child.kill("SIGTERM");
      const seen = await within(Promise.all(reading), { what: "all streams", timeoutMs: 90_000 });
      for (const [index, { events }] of seen.entries()) {
        const checker = createInvariantChecker();
        const problems = events.map((event) => checker.next(event)).filter((problem) => problem !== undefined);
        expect([index, ...problems, checker.end("success")]).toEqual([index, undefined]);
        expect(textOf(events)).toBe(slowText(lengths[index] ?? 0));
      }
      const handedOver = seen.filter(({ lostBy }) => lostBy === "REATTACH").length;
      expect(handedOver).toBeGreaterThanOrEqual(100);
      expect(handedOver).toBeLessThan(200);
      // No answer was asked of the provider twice.
      expect(provider.emulator.requests.length).toBe(before + 200);
      expect(await within(leaving.ended, { what: "the process", timeoutMs: 30_000 })).toBe(0);
    } finally {
      first.close();
      second.close();
      await Promise.all([leaving.stop(), staying.stop()]);
    }
  });

  // Mutant seen red: the owner not told that a peer's reader has left.
  test("a stream that was handed over ends when its reader leaves the peer", async () => {
    const shared = { EP_STATE_URL: server.url, EP_LIMITS_DRAIN: "100ms" };
    const [leaving, staying] = await Promise.all([provider.serve(shared), provider.serve(shared)]);
    const [first, second] = [leaving, staying].map(({ grpcUrl }) => createClient({ baseUrl: grpcUrl }));
    if (first === undefined || second === undefined) throw new Error("no clients");
    try {
      let lost: unknown;
      let sequence = 0;
      try {
        for await (const event of first.chat(question(5000))) {
          ({ sequence } = event);
          if (sequence === 10) leaving.child.kill("SIGTERM");
        }
      } catch (thrown) {
        lost = thrown;
      }
      expect(lost).toMatchObject({ reason: "REATTACH", code: "ABORTED", partial: true, retryable: false });
      const { resumeToken = "" } = lost as ChatError;
      for await (const event of second.resume({ resumeToken, afterSequence: sequence })) {
        expect(event.sequence).toBe(sequence + 1);
        sequence += 1;
        if (sequence % 50 === 0) break;
      }
      await waitFor(() => provider.emulator.inFlight() === 0, { what: "the provider's end" });
      expect(await within(leaving.ended, { what: "the process", timeoutMs: 30_000 })).toBe(0);
    } finally {
      first.close();
      second.close();
      await Promise.all([leaving.stop(), staying.stop()]);
    }
  });

  // Mutant seen red: a cancellation that is told to nobody.
  test("a stream goes on, is cancelled and described at the peer too", async () => {
    const shared = { EP_STATE_URL: server.url };
    const [one, other] = await Promise.all([provider.serve(shared), provider.serve(shared)]);
    const [near, far] = [one, other].map(({ grpcUrl }) => createClient({ baseUrl: grpcUrl }));
    if (near === undefined || far === undefined) throw new Error("no clients");
    try {
      const before = provider.emulator.requests.length;
      const leave = new AbortController();
      let started: { readonly streamId: string; readonly resumeToken: string } | undefined;
      for await (const { event, sequence } of near.chat(question(3000, OnDisconnect.CONTINUE), {
        signal: leave.signal,
      })) {
        if (event.case === "started") started = event.value;
        if (sequence > 20) break;
      }
      const { streamId = "", resumeToken = "" } = started ?? {};
      let resumed = 0;
      for await (const { sequence } of far.resume({ resumeToken, afterSequence: 10 })) {
        resumed += 1;
        expect(sequence).toBe(10 + resumed);
        if (resumed > 60) break;
      }
      expect(await far.getStream({ streamId })).toMatchObject({ state: StreamState.RUNNING, persona: "default" });
      expect(await far.cancel({ streamId })).toMatchObject({ state: StreamState.CANCELLED });
      await waitFor(() => provider.emulator.inFlight() === 0, { what: "the provider's end" });
      expect(await near.getStream({ streamId })).toMatchObject({ state: StreamState.CANCELLED });
      expect(provider.emulator.requests.length).toBe(before + 1);
    } finally {
      near.close();
      far.close();
      await Promise.all([one.stop(), other.stop()]);
    }
  });

  // Mutant seen red: keys kept by each process for itself.
  test("make a hundred calls with one key one call, wherever they come in", async () => {
    const shared = { EP_STATE_URL: server.url };
    const [one, other] = await Promise.all([provider.serve(shared), provider.serve(shared)]);
    const clients = [one, other].map(({ grpcUrl }) => createClient({ baseUrl: grpcUrl }));
    try {
      const before = provider.emulator.requests.length;
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          clients[index % 2]?.chat({ ...question(30), idempotencyKey: "once" }).collect(),
        ),
      );
      expect(new Set(answers.map((answer) => answer?.text))).toEqual(new Set([slowText(30)]));
      expect(new Set(answers.map((answer) => answer?.streamId)).size).toBe(1);
      expect(provider.emulator.requests.length).toBe(before + 1);
    } finally {
      for (const client of clients) client.close();
      await Promise.all([one.stop(), other.stop()]);
    }
  });
});
