import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createExchanges } from "../../../src/adapters/exchange.ts";
import { readError } from "../../../src/adapters/gemini/errors.ts";
import { createDecoder } from "../../../src/adapters/gemini/stream.ts";
import type { ChatEvent } from "../../../src/contract/events.ts";
import { ExecutionError } from "../../../src/errors.ts";
import { Executor } from "../../../src/gen/execution/v1/content_pb.js";
import { readWithSdk } from "../../recordings/gemini/official-sdk.ts";
import { differences, outcomeOf } from "../../support/compare-chat.ts";
import { memoryResponse } from "../../support/memory-response.ts";
import { fixturesOf, loadFixtureOf } from "../../support/recordings.ts";
import { openly } from "../shared/openly.ts";
import { geminiFigures } from "./figures.ts";

const api = "gemini-generate";

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
  let ids = 0;
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
    decoder: createDecoder({ step: 0, attempt: 0, newId: () => `${ids++}`, executorOf: () => Executor.CALLER }),
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
          expect(differences(outcomeOf(result.events), expected, geminiFigures)).toEqual([]);
        }),
        { numRuns: 50 },
      );
    },
  );

  const isArray = (name: string): boolean => loadFixtureOf(api, name).row.tags.includes("json_array_stream");

  test.each(fixturesOf(api).filter((name) => !isArray(name)))("%s is no other to the official SDK", async (name) => {
    const fixture = loadFixtureOf(api, name);
    const { text = "", reasoning = "", toolCalls = [], finishReason, usage, error } = fixture.expected;
    if (fixture.responseStatus !== 200) {
      await expect(readWithSdk(fixture)).rejects.toThrow();
      return;
    }
    // It does not see an error within a stream.
    expect(await readWithSdk(fixture)).toEqual({
      text,
      reasoning,
      toolCalls: toolCalls.map(({ name: tool, arguments: given }) => ({ name: tool, arguments: given })),
      finishReason: error === undefined ? finishReason : undefined,
      usage,
    });
  });
});

describe.each([
  ["events", "parallel-calls"],
  ["an array", "array-stream"],
])("a stream of %s that is cut", (_, name) => {
  const { body, responseHeaders: headers } = loadFixtureOf(api, name);
  const mark = Buffer.from(body).lastIndexOf('"finishReason"');
  const whole = Buffer.from(body).toString("latin1").trimEnd().length;

  test("at any byte by a broken connection never finishes (mutant: treat a fault as the end)", async () => {
    const failure = new ExecutionError("UPSTREAM_TRUNCATED", "cut");
    for (let length = 1; length <= whole; length += 1) {
      const result = await read([body.subarray(0, length)], { headers, failure });
      expect([length, isFinished(result), result.error]).toEqual([
        length,
        false,
        expect.objectContaining({ reason: "UPSTREAM_TRUNCATED" }),
      ]);
    }
  });

  test("at any byte before its finishReason by a clean end never finishes (mutant: finish when the body ends)", async () => {
    for (let length = 1; length < mark; length += 1) {
      const result = await read([body.subarray(0, length)], { headers });
      expect([length, isFinished(result), result.error]).toEqual([
        length,
        false,
        expect.objectContaining({ reason: "UPSTREAM_TRUNCATED" }),
      ]);
    }
  });

  test("within its last chunk by a clean end is cut too", async () => {
    for (let length = mark; length < whole; length += 1) {
      expect([length, isFinished(await read([body.subarray(0, length)], { headers }))]).toEqual([length, false]);
    }
    expect(isFinished(await read([body.subarray(0, whole)], { headers }))).toBe(true);
  });
});

describe("a whole answer that is cut", () => {
  test("at any byte never finishes", async () => {
    const { body, responseHeaders: headers } = loadFixtureOf(api, "whole-code-execution");
    const whole = Buffer.from(body).toString("latin1").trimEnd().length;
    for (let length = 1; length < whole; length += 1) {
      const result = await read([body.subarray(0, length)], { headers });
      expect([length, isFinished(result), result.error === undefined]).toEqual([length, false, false]);
    }
  });
});
