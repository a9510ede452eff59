import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readError } from "../../../src/adapters/anthropic/errors.ts";
import { createDecoder } from "../../../src/adapters/anthropic/stream.ts";
import { createExchanges } from "../../../src/adapters/exchange.ts";
import type { ChatEvent } from "../../../src/contract/events.ts";
import { ExecutionError } from "../../../src/errors.ts";
import { readWithSdk } from "../../recordings/anthropic-messages/official-sdk.ts";
import { differences, outcomeOf } from "../../support/compare-chat.ts";
import { memoryResponse } from "../../support/memory-response.ts";
import { fixturesOf, loadFixtureOf } from "../../support/recordings.ts";
import { openly } from "../shared/openly.ts";
import { messagesFigures } from "./figures.ts";

const api = "anthropic-messages";

interface Result {
  readonly events: readonly ChatEvent[];
  readonly error: unknown;
}

interface Delivered {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly failure?: Error;
}

async function read(reads: readonly Uint8Array[], delivered: Delivered = {}): Promise<Result> {
  const events: ChatEvent[] = [];
  const exchanges = createExchanges();
  const running = exchanges.run({
    provider: "near",
    model: "small",
    prepare: () => ({
      first: [],
      request: {
        method: "POST",
        url: new URL("http://provider.invalid/"),
        headers: {},
        signal: new AbortController().signal,
      },
    }),
    send: async () => memoryResponse({ reads, ...delivered }),
    onHeaders: () => undefined,
    decoder: createDecoder({ step: 0, attempt: 0, newId: () => "minted" }),
    readError: (answer) => readError(answer, 0),
    conceal: openly,
  });
  try {
    for await (const batch of running) events.push(...batch);
    return { events, error: undefined };
  } catch (error) {
    return { events, error };
  } finally {
    await exchanges.settled();
  }
}

function split(body: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const edges = [0, ...cuts.map((cut) => Math.min(cut, body.length)).sort((a, b) => a - b), body.length];
  return edges.slice(1).map((edge, index) => body.subarray(edges[index], edge));
}

const isFinished = ({ events }: Result): boolean => events.some(({ event }) => event.case === "finished");

describe("hand-made answers", () => {
  test.each(fixturesOf(api))(
    "%s is read as expected, whatever its splits (mutant: decode each read by itself)",
    async (name) => {
      const { body, expected, responseStatus: status, responseHeaders: headers } = loadFixtureOf(api, name);
      const isFailure = expected.error !== undefined;
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(body.length), { maxLength: 40 }), async (cuts) => {
          const result = await read(split(body, cuts), { status, headers });
          expect(result.error === undefined).toBe(!isFailure);
          expect(isFinished(result)).toBe(!isFailure);
          expect(differences(outcomeOf(result.events), expected, messagesFigures)).toEqual([]);
        }),
        { numRuns: 50 },
      );
    },
  );

  test.each(fixturesOf(api))("%s is no other to the official SDK", async (name) => {
    const fixture = loadFixtureOf(api, name);
    const { text = "", reasoning = "", toolCalls = [], finishReason, usage, error } = fixture.expected;
    if (error !== undefined) {
      await expect(readWithSdk(fixture)).rejects.toThrow();
      return;
    }
    expect(await readWithSdk(fixture)).toEqual({
      text,
      reasoning,
      toolCalls: toolCalls.map(({ name: tool, arguments: given }) => ({ name: tool, arguments: given })),
      finishReason,
      usage,
    });
  });
});

describe("a stream that is cut", () => {
  const { body } = loadFixtureOf(api, "thinking-and-tools");
  const endMark = Buffer.from(body).toString("latin1").indexOf('data: {"type": "message_stop"}');
  const whole = endMark + 'data: {"type": "message_stop"}'.length;

  test("at any byte by a broken connection never finishes (mutant: treat a fault as the end)", async () => {
    const failure = new ExecutionError("UPSTREAM_TRUNCATED", "cut");
    for (let length = 1; length <= whole; length += 1) {
      const result = await read([body.subarray(0, length)], { failure });
      expect([length, isFinished(result), result.error]).toEqual([
        length,
        false,
        expect.objectContaining({ reason: "UPSTREAM_TRUNCATED" }),
      ]);
    }
  });

  test("at any byte before its end mark by a clean end never finishes (mutant: finish when the body ends)", async () => {
    for (let length = 1; length < whole; length += 1) {
      const result = await read([body.subarray(0, length)]);
      expect([length, isFinished(result), result.error]).toEqual([
        length,
        false,
        expect.objectContaining({ reason: "UPSTREAM_TRUNCATED" }),
      ]);
    }
    expect(isFinished(await read([body.subarray(0, whole)]))).toBe(true);
  });
});

describe("a whole answer that is cut", () => {
  test("at any byte never finishes", async () => {
    const { body, responseHeaders: headers } = loadFixtureOf(api, "whole-message");
    for (let length = 1; length < body.length; length += 1) {
      const result = await read([body.subarray(0, length)], { headers });
      expect([length, isFinished(result), result.error === undefined]).toEqual([length, false, false]);
    }
    expect(isFinished(await read([body], { headers }))).toBe(true);
  });
});
