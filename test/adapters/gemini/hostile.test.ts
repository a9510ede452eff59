import { describe, expect, test } from "@jest/globals";
import { createDecoder } from "../../../src/adapters/gemini/stream.ts";
import { MAX_KEPT_CHARACTERS } from "../../../src/adapters/kept.ts";
import { Executor } from "../../../src/gen/execution/v1/content_pb.js";
import type { JsonValue } from "../../emulators/exchange.ts";
import { candidate, chunk, decodeChunks, decodeParts, finish } from "./decode.ts";

const MEBI = 1024 * 1024;
const megabyte = "x".repeat(MEBI);
type Fields = { readonly [key: string]: JsonValue };

/** Feeds a stream of chunks, its events thrown away as a fast reader does; says how many were taken until one was refused. */
function feed(next: (round: number) => Fields, most: number): number {
  const decoder = createDecoder({ step: 0, attempt: 0, newId: () => "id", executorOf: () => Executor.CALLER });
  for (let round = 0; round < most; round += 1) {
    try {
      decoder.event(JSON.stringify(next(round)), "", []);
    } catch (error) {
      expect(error).toMatchObject({ name: "ExecutionError", reason: "PROVIDER_PROTOCOL" });
      return round;
    }
  }
  throw new Error("it took all");
}

const called = (fields: Fields): Fields => chunk({ functionCall: fields });
const argument = (jsonPath: string, more: Fields = { numberValue: 1 }): Fields =>
  called({ name: "f", partialArgs: [{ jsonPath, ...more }], willContinue: true });
const refused = { name: "ExecutionError", reason: "PROVIDER_PROTOCOL" };

describe("what is kept of an answer is bounded", () => {
  // Mutant seen red: `call.text += text` without counting it.
  test("the arguments of a streamed call", () => {
    const more = () => argument("$.a", { stringValue: megabyte, willContinue: true });
    expect(feed(more, 64)).toBe(MAX_KEPT_CHARACTERS / MEBI - 1);
  });

  // Mutant seen red: calls not counted.
  test("the number of calls", () => {
    expect(feed((index) => called({ name: "f", id: `${index}`, args: {} }), 10_000)).toBeLessThan(8193);
  });

  // Mutant seen red: what calls kept is not let go when they end.
  test("but not what calls that ended were called with", () => {
    expect(() => feed((index) => called({ name: "f", id: `${index}`, args: { megabyte } }), 64)).toThrow("took all");
  });

  // Mutants seen red: an array filled up to any index, objects opened to any depth; both ended in FATAL out of memory.
  test("what a path of a streamed argument makes of it", () => {
    expect(decodeChunks([argument("$.a[4000000000]")]).error).toMatchObject(refused);
    expect(decodeChunks([argument(`$${".a".repeat(2_000_000)}`)]).error).toMatchObject(refused);
    expect(decodeChunks([argument("$.a[3]"), finish()]).error).toBeUndefined();
  });

  // Mutants seen red: sources seen not counted, queries not counted.
  test("the sources it names, and the searches", () => {
    const source = (round: number) =>
      candidate({ citationMetadata: { citationSources: [{ uri: `${round} ${megabyte}` }] } });
    expect(feed(source, 64)).toBeLessThan(32);
    const query = (round: number) => candidate({ groundingMetadata: { webSearchQueries: [`${round} ${megabyte}`] } });
    expect(feed(query, 64)).toBeLessThan(32);
  });
});

describe("a small answer takes little time", () => {
  // Mutants seen red: each source of a chunk written out before any is counted; an index that comes again taken as another source.
  test("where one passage is ascribed to many sources, or many to a long one", () => {
    const indices = Array.from({ length: 100_000 }, (_, index) => index);
    const groundingChunks = indices.map(() => ({ web: {} }));
    const wide = { groundingChunks, groundingSupports: [{ groundingChunkIndices: indices }] };
    expect(decodeChunks([candidate({ groundingMetadata: wide })]).error).toMatchObject(refused);
    const same = {
      groundingChunks: [{ web: { uri: megabyte } }],
      groundingSupports: [{ groundingChunkIndices: indices.map(() => 0) }],
    };
    expect(decodeChunks([candidate({ groundingMetadata: same }), finish()]).events).toHaveLength(2);
    const supports = indices.map(() => ({ groundingChunkIndices: [0] }));
    const long = { groundingChunks: [{ web: { uri: megabyte } }], groundingSupports: supports };
    expect(decodeChunks([candidate({ groundingMetadata: long })]).error).toMatchObject(refused);
  });
});

// Mutant seen red: blanks taken out by a regular expression that walks a text character by character, whose stack ended.
test("a part that is kept whole may hold a long text", () => {
  const data = "A".repeat(12 * MEBI);
  const { events, error } = decodeParts([{ inlineData: { mimeType: "application/pdf", data } }]);
  expect(error).toBeUndefined();
  expect(events[0]).toMatchObject({ event: { case: "providerState" } });
});
