import { describe, expect, test } from "@jest/globals";
import { MAX_KEPT_CHARACTERS } from "../../../src/adapters/kept.ts";
import { createDecoder } from "../../../src/adapters/openai/stream.ts";
import type { JsonValue } from "../../emulators/exchange.ts";
import { decodeChunks, delta, stop, summary } from "./decode.ts";

const MEBI = 1024 * 1024;
const megabyte = "x".repeat(MEBI);

/** Feeds a stream of chunks, its events thrown away as a fast reader does; says how many were taken until one was refused. */
function feed(next: (round: number) => JsonValue, most: number): number {
  const { event } = createDecoder({
    step: 0,
    attempt: 0,
    quirks: { vendor: "vendor", endMarker: "done" },
    newId: () => "id",
  });
  for (let round = 0; round < most; round += 1) {
    try {
      event(JSON.stringify(next(round)), "", []);
    } catch (error) {
      expect(error).toMatchObject({ name: "ExecutionError", reason: "PROVIDER_PROTOCOL" });
      return round;
    }
  }
  throw new Error("it took all");
}

const calls = (...entries: readonly { readonly [key: string]: JsonValue }[]) => delta({ tool_calls: [...entries] });

describe("what is kept of an answer is bounded", () => {
  // Mutant seen red: `call.text += text` without counting it.
  test("the arguments of a call", () => {
    const more = () => calls({ index: 0, id: "a", function: { name: "f", arguments: megabyte } });
    expect(feed(more, 64)).toBe(MAX_KEPT_CHARACTERS / MEBI - 1);
  });

  // Mutant seen red: calls not counted.
  test("the number of calls", () => {
    const more = (round: number) => calls({ index: round, id: `${round}`, function: { name: "f", arguments: "" } });
    expect(feed(more, 10_000)).toBeLessThan(8193);
  });

  // Mutant seen red: state kept uncounted while the name of its call is not known.
  test("state of calls that have not begun", () => {
    expect(feed((index) => calls({ index, extra_content: { state: megabyte } }), 64)).toBeLessThan(32);
  });

  // Mutant seen red: details not counted.
  test("details of reasoning", () => {
    const more = () => delta({ reasoning_details: [{ type: "reasoning.text", index: 0, text: megabyte }] });
    expect(feed(more, 64)).toBe(MAX_KEPT_CHARACTERS / MEBI - 1);
  });
});

describe("a small answer takes little time", () => {
  // Mutant seen red: the arguments parsed again with each piece, which took minutes.
  test("where each of many pieces repeats its call's name", () => {
    const pieces = Array.from({ length: 20_000 }, () => calls({ index: 0, function: { name: "f", arguments: "[]," } }));
    const begin = calls({ index: 0, function: { name: "f", arguments: `[${"[],".repeat(200_000)}` } });
    const end = calls({ index: 0, function: { name: "f", arguments: "0]" } });
    const { events } = decodeChunks([begin, ...pieces, end, stop("tool_calls")]);
    expect(summary(events).at(-2)).toMatch(/^ended 0 minted-1 f \[\[\],/);
  });
});

// Mutant seen red: what is nested deeper than the stack taken for a fault of the gateway.
test("arguments nested deeper than the stack are a fault of the provider", () => {
  const nested = `${"[".repeat(10_000)}${"]".repeat(10_000)}`;
  const chunk = `{"choices":[{"index":0,"delta":{"tool_calls":[{"function":{"name":"f","arguments":${nested}}}]}}]}`;
  expect(decodeChunks([chunk]).error).toMatchObject({ name: "ExecutionError", reason: "PROVIDER_PROTOCOL" });
});

test("a member called __proto__ is one like any other", () => {
  const signed = '{"type":"reasoning.text","index":0,"signature":"s","__proto__":{"a":1}}';
  const chunk = `{"choices":[{"index":0,"delta":{"reasoning_details":[${signed},${signed}]}}]}`;
  const state = decodeChunks([chunk, stop()]).events.flatMap(({ event }) =>
    event.case === "providerState" ? [new TextDecoder().decode(event.value.state?.data)] : [],
  );
  expect(state).toEqual([`[${signed}]`]);
});
