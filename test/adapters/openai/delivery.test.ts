import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createExchanges } from "../../../src/adapters/exchange.ts";
import { readError } from "../../../src/adapters/openai/errors.ts";
import { createDecoder } from "../../../src/adapters/openai/stream.ts";
import type { ChatEvent } from "../../../src/contract/events.ts";
import { ExecutionError } from "../../../src/errors.ts";
import { syntheticChat } from "../../emulators/synthetic-chat.ts";
import { differences, outcomeOf } from "../../support/compare-chat.ts";
import { memoryResponse } from "../../support/memory-response.ts";
import { fixtureNames, loadFixture } from "../../support/recordings.ts";
import { openly } from "../shared/openly.ts";
import { chatFigures } from "./figures.ts";

interface Result {
  readonly events: readonly ChatEvent[];
  readonly error: unknown;
}

interface Delivered {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly failure?: Error;
}

async function read(reads: readonly Uint8Array[], { status, headers, failure }: Delivered = {}): Promise<Result> {
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
    send: async () =>
      memoryResponse({
        reads,
        ...(status !== undefined && { status }),
        ...(headers !== undefined && { headers }),
        ...(failure !== undefined && { failure }),
      }),
    onHeaders: () => undefined,
    decoder: createDecoder({
      step: 0,
      attempt: 0,
      quirks: { vendor: "vendor", endMarker: "finish_reason" },
      newId: () => `minted-${ids++}`,
    }),
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
  test.each(fixtureNames)(
    "%s is read as expected, whatever its splits (mutant: decode each read by itself)",
    async (name) => {
      const { body, expected, responseStatus: status, responseHeaders: headers } = loadFixture(name);
      const isFailure = expected.error !== undefined;
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(body.length), { maxLength: 40 }), async (cuts) => {
          const result = await read(split(body, cuts), { status, headers });
          expect(result.error === undefined).toBe(!isFailure);
          expect(isFinished(result)).toBe(!isFailure);
          const { finishReason, ...beforeFailure } = expected;
          const wanted = isFailure
            ? beforeFailure
            : { ...beforeFailure, ...(finishReason !== undefined && { finishReason }) };
          expect(differences(outcomeOf(result.events), wanted, chatFigures)).toEqual([]);
        }),
        { numRuns: 50 },
      );
    },
  );
});

describe("a stream that is cut", () => {
  const { body } = syntheticChat({ seed: 7, chunks: 6, toolCalls: 2, reasoningField: "reasoning" });
  const text = Buffer.from(body).toString("latin1");
  const afterReason = text.indexOf("\n", text.indexOf('"finish_reason":"tool_calls"'));
  const beforeDone = text.indexOf("data: [DONE]");

  test("at any byte by a broken connection never finishes (mutant: treat a fault as the end)", async () => {
    const failure = new ExecutionError("UPSTREAM_TRUNCATED", "cut");
    for (let length = 1; length <= beforeDone + "data: [DONE]".length; length += 1) {
      const result = await read([body.subarray(0, length)], { failure });
      expect([length, isFinished(result), result.error]).toEqual([
        length,
        false,
        expect.objectContaining({ reason: "UPSTREAM_TRUNCATED" }),
      ]);
    }
  });

  test("at any byte before its finish_reason by a clean end never finishes (mutant: finish when the body ends)", async () => {
    for (let length = 1; length < afterReason; length += 1) {
      const result = await read([body.subarray(0, length)]);
      expect([length, isFinished(result), result.error]).toEqual([
        length,
        false,
        expect.objectContaining({ reason: "UPSTREAM_TRUNCATED" }),
      ]);
    }
  });

  test("within what follows its finish_reason by a clean end is cut too, and between events is complete", async () => {
    expect(isFinished(await read([body.subarray(0, beforeDone - 20)]))).toBe(false);
    expect(isFinished(await read([body.subarray(0, beforeDone)]))).toBe(true);
  });
});

describe("a whole answer that is cut", () => {
  const document = Buffer.from(
    JSON.stringify({
      choices: [{ index: 0, message: { content: "Hello }" }, finish_reason: "stop" }],
      usage: { prompt_tokens: 1 },
    }),
  );
  const headers = { "content-type": "application/json" };

  test("at any byte never finishes", async () => {
    for (let length = 1; length < document.length; length += 1) {
      const result = await read([document.subarray(0, length)], { headers });
      expect([length, isFinished(result), result.error === undefined]).toEqual([length, false, false]);
    }
    expect(isFinished(await read([document], { headers }))).toBe(true);
  });
});
