import { describe, expect, test } from "@jest/globals";
import { createReportedUsage } from "../../../src/adapters/anthropic/reported-usage.ts";
import { createDecoder } from "../../../src/adapters/anthropic/stream.ts";
import { MAX_KEPT_CHARACTERS } from "../../../src/adapters/kept.ts";
import type { ChatEvent } from "../../../src/contract/events.ts";
import { block, decodeDocument, decodeStream, start, stop } from "./decode.ts";

const MEBI = 1024 * 1024;
const decoder = () => createDecoder({ step: 0, attempt: 0, newId: () => "id" });

/** Feeds one event again and again, its events thrown away as a fast reader does; says how often until it was refused. */
function feed(first: readonly object[], next: (round: number) => object, most: number): number | unknown {
  const { event } = decoder();
  for (const one of first) event(JSON.stringify(one), "", []);
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

const opened = (contentBlock: object, index = 0) => ({
  type: "content_block_start",
  index,
  content_block: contentBlock,
});
const delta = (fields: object) => ({ type: "content_block_delta", index: 0, delta: fields });

describe("what is kept of an answer is bounded", () => {
  const toolUse = { type: "tool_use", id: "toolu_1", name: "add", input: {} };
  const megabyte = "x".repeat(MEBI);

  // Mutant seen red: `input += piece` without counting it, which ended in FATAL out of memory.
  test("the input of a tool", () => {
    const rounds = feed([opened(toolUse)], () => delta({ type: "input_json_delta", partial_json: megabyte }), 64);
    expect(rounds).toBe(MAX_KEPT_CHARACTERS / MEBI - 1);
  });

  // Mutant seen red: pieces that cost no more than their characters, though each is an object in memory.
  test("the pieces it comes in", () => {
    const most = delta({ type: "input_json_delta", partial_json: "x".repeat(31 * MEBI) });
    const rounds = feed([opened(toolUse), most], () => delta({ type: "input_json_delta", partial_json: "1" }), 20_000);
    expect(rounds).toBeGreaterThan(15_000);
  });

  // Mutant seen red: members of a raw block not counted.
  test("a block of a type nobody knows", () => {
    const more = (round: number) => delta({ type: "new_delta", [`member_${round}`]: megabyte });
    expect(feed([opened({ type: "new" })], more, 64)).toBe(MAX_KEPT_CHARACTERS / MEBI - 1);
  });

  // Mutant seen red: blocks that are open not counted.
  test("blocks that begin and do not end", () => {
    const rounds = feed([], (round) => opened({ type: "text", text: "" }, round), 100_000);
    expect(rounds).toBeLessThan(10_000);
  });

  test("ids of calls", () => {
    const call = (round: number) => opened({ ...toolUse, id: `${round}`.padEnd(MEBI, "x") });
    expect(feed([], call, 64)).toBeLessThan(64);
  });

  // Mutant seen red: what a block kept is not let go when it ends.
  test("and what was told is let go", () => {
    const input = { type: "input_json_delta", partial_json: "1".repeat(8 * MEBI) };
    const blocks = Array.from({ length: 6 }, (_, index) => block(index, { ...toolUse, id: `${index}` }, input));
    expect(decodeStream([start(), ...blocks.flat(), ...stop("tool_use")]).error).toBeUndefined();
  });
});

describe("a small answer takes little time", () => {
  // Mutant seen red: `whole = { ...whole, ...values }` at every delta, which took minutes.
  test("with a new member in each of 20,000 deltas of a block", () => {
    const rounds = 20_000;
    const deltas = Array.from({ length: rounds }, (_, index) => ({ type: "new_delta", [`m${index}`]: index }));
    const { events } = decodeStream([start(), ...block(0, { type: "new", a: 1 }, ...deltas), ...stop()]);
    expect(events).toHaveLength(2);
  });

  // Mutant seen red: the usage parsed as a whole again at each read.
  test("with a long usage that a little is added to again and again", () => {
    const reported = createReportedUsage();
    reported.add('{"input_tokens":1,"iterations":[{"type":"message"}]}');
    const { iterations } = reported.object() ?? {};
    reported.add('{"output_tokens":2}');
    expect(reported.object()).toEqual({ input_tokens: 1, iterations: [{ type: "message" }], output_tokens: 2 });
    expect(reported.object()?.iterations).toBe(iterations);
  });

  // Mutant seen red: the usage told at each event.
  test("with many usages, of which few are told", () => {
    const { event } = decoder();
    const out: ChatEvent[] = [];
    for (let tokens = 0; tokens < 300; tokens += 1) {
      event(JSON.stringify({ type: "message_delta", delta: {}, usage: { output_tokens: tokens } }), "", out);
    }
    expect(out).toHaveLength(4 + Math.floor(300 / 16));
    expect(out.at(-1)).toMatchObject({ event: { case: "usage", value: { usage: { outputTotal: 287 } } } });
  });

  test("with a usage that grows without end, which is refused", () => {
    const more = (round: number) => ({ type: "message_delta", delta: {}, usage: { [`m${round}`]: "x".repeat(1000) } });
    expect(feed([], more, 1000)).toBeLessThan(1000);
  });

  // Mutant seen red: the JSON of all citations read for each of them.
  test("with many citations in one block", () => {
    const citations = Array.from({ length: 20_000 }, (_, index) => ({ type: "char_location", cited_text: `${index}` }));
    const { events } = decodeDocument({ content: [{ type: "text", text: "x", citations }], stop_reason: "end_turn" });
    expect(events).toHaveLength(20_002);
    expect(events[20_000]).toMatchObject({ event: { value: { citation: { citedText: "19999" } } } });
  });
});
