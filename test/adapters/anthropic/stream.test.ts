import { describe, expect, test } from "@jest/globals";
import { fold } from "../../../src/contract/fold.ts";
import { FinishReason } from "../../../src/gen/execution/v1/chat_pb.js";
import { summary } from "../shared/summary.ts";
import { block, decodeDocument, decodeNamed, decodeStream, start, stop, text } from "./decode.ts";

const finishOf = (...more: Parameters<typeof stop>) => decodeStream([start(), ...stop(...more)]).events.at(-1);

describe("text", () => {
  test("becomes deltas of one part a block, and finished comes last", () => {
    const { events, ended } = decodeStream([start(), ...text(0, "Hel", "lo"), ...text(1, "again"), ...stop()]);
    expect(summary(events)).toEqual(["text 0 Hel", "text 0 lo", "text 1 again", "finished end_turn"]);
    expect(events[0]).toMatchObject({ sequence: 0, event: { value: { step: 2, part: 0 } } });
    expect(ended).toBe(true);
  });

  test("that is there when its block begins is said too", () => {
    const { events } = decodeStream([
      start(),
      ...block(0, { type: "text", text: "Hel" }, { type: "text_delta", text: "lo" }),
    ]);
    expect(summary(events)).toEqual(["text 0 Hel", "text 0 lo"]);
  });

  test("that is empty is no part (mutant: give each block its place as it begins)", () => {
    const { events } = decodeStream([start(), ...text(0), ...text(1, "Hi"), ...stop()]);
    expect(summary(events)).toEqual(["text 0 Hi", "finished end_turn"]);
  });

  test("keeps characters whole whose halves came apart (mutant: pass deltas on as they come)", () => {
    const { events } = decodeStream([start(), ...text(0, "ok \ud83d", "\ude42!"), ...text(1, "\ud83d"), ...stop()]);
    expect(summary(events)).toEqual(["text 0 ok ", "text 0 🙂!", "text 1 \ufffd", "finished end_turn"]);
  });

  test("of blocks that run at once goes to the part of its block (mutant: the last block begun gets all)", () => {
    const events = decodeStream([
      start(),
      ...text(0, "a").slice(0, 2),
      ...text(1, "b").slice(0, 2),
      ...text(0, "c").slice(1),
      ...stop(),
    ]).events;
    expect(summary(events)).toEqual(["text 0 a", "text 1 b", "text 0 c", "finished end_turn"]);
  });
});

// Mutant seen red: such deltas dropped, so that an answer without its content seemed a success.
test.each([
  ["is of another kind", block(0, { type: "thinking", thinking: "" }, { type: "text_delta", text: "lost" })],
  ["is no text", block(0, { type: "text", text: "" }, { type: "input_json_delta", partial_json: "{}" })],
  [
    "is no call",
    block(0, { type: "tool_use", id: "a", name: "f", input: {} }, { type: "thinking_delta", thinking: "?" }),
  ],
  ["never began", [{ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "lost" } }, ...stop()]],
  [
    "has ended",
    [...text(0, "Hi"), { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "!" } }],
  ],
])("a piece of a block that %s is a fault of the provider", (_, events) => {
  const { error } = decodeStream([start(), ...events]);
  expect(error).toMatchObject({ name: "ExecutionError", reason: "PROVIDER_PROTOCOL" });
});

describe("thinking", () => {
  const signed = (...pieces: readonly string[]) =>
    block(
      0,
      { type: "thinking", thinking: "", signature: "" },
      ...pieces.map((thinking) => ({ type: "thinking_delta", thinking })),
      { type: "signature_delta", signature: "c2ln" },
    );

  test("is reasoning, with its signature as state of the part", () => {
    const { events } = decodeStream([start(), ...signed("Let me ", "see."), ...text(1, "4"), ...stop()]);
    expect(summary(events)).toEqual([
      "reasoning 0 Let me ",
      "reasoning 0 see.",
      "state 0 anthropic signature c2ln",
      "text 1 4",
      "finished end_turn",
    ]);
  });

  test("that is not shown is its signature alone (mutant: leave out blocks without thinking)", () => {
    const { events } = decodeStream([start(), ...signed(), ...text(1, "4"), ...stop()]);
    expect(summary(events)).toEqual(["state 0 anthropic signature c2ln", "text 1 4", "finished end_turn"]);
    expect(fold(events)[0]?.parts).toMatchObject([{ kind: { case: undefined } }, { kind: { case: "text" } }]);
  });

  test("without a signature, as other vendors send it, has no state", () => {
    const plain = block(0, { type: "thinking", thinking: "" }, { type: "thinking_delta", thinking: "Hm" });
    expect(summary(decodeStream([start(), ...plain, ...stop()]).events)).toEqual([
      "reasoning 0 Hm",
      "finished end_turn",
    ]);
  });

  test("that is redacted is state alone", () => {
    const { events } = decodeStream([start(), ...block(0, { type: "redacted_thinking", data: "aGlk" }), ...stop()]);
    expect(summary(events)).toEqual(["state 0 anthropic redacted_thinking aGlk", "finished end_turn"]);
  });
});

describe("an answer that is whole", () => {
  test("is read as the stream of the same blocks (mutant: numbers of the parsed input instead of the text's)", () => {
    const document = `{"type":"message","role":"assistant","content":[
      {"type":"thinking","thinking":"Hm","signature":"c2ln"},
      {"type":"text","text":"Hi","citations":null},
      {"type":"tool_use","id":"toolu_1","name":"add","input":{"b":1.50,"a":12345678901234567890}}],
      "stop_reason":"tool_use","usage":{"input_tokens":5,"output_tokens":7}}`;
    expect(summary(decodeDocument(document).events)).toEqual([
      "reasoning 0 Hm",
      "state 0 anthropic signature c2ln",
      "text 1 Hi",
      "started 2 toolu_1 add",
      'arguments 2 {"b":1.50,"a":12345678901234567890}',
      'ended 2 toolu_1 add {"b":1.50,"a":12345678901234567890}',
      "usage final 5/7",
      "finished tool_use",
    ]);
  });

  test("may say why it stopped with a word that is none", () => {
    const { events } = decodeDocument({ type: "message", content: [], stop_reason: null });
    expect(events).toMatchObject([{ event: { value: { reason: FinishReason.OTHER, providerReason: "" } } }]);
  });

  test.each(["[]", '"text"', '{"choices":[]}', '{"type":"message","content":{}}'])("is not %s", (document) => {
    expect(decodeDocument(document).error).toMatchObject({ reason: "PROVIDER_PROTOCOL" });
  });
});

describe("the end", () => {
  test.each([
    ["end_turn", FinishReason.STOP],
    ["stop_sequence", FinishReason.STOP_SEQUENCE],
    ["max_tokens", FinishReason.LENGTH],
    ["model_context_window_exceeded", FinishReason.LENGTH],
    ["tool_use", FinishReason.TOOL_CALLS],
    ["pause_turn", FinishReason.PAUSED],
    ["compaction", FinishReason.PAUSED],
    ["refusal", FinishReason.REFUSAL],
    ["something_new", FinishReason.OTHER],
    ["constructor", FinishReason.OTHER],
  ])("%s is read (mutant: look the word up among what every object has)", (word, reason) => {
    expect(finishOf(word)).toMatchObject({ event: { value: { reason, providerReason: word } } });
  });

  test("after a refusal says what the provider says of it", () => {
    const details = { type: "refusal", category: "cyber", explanation: "It could do harm." };
    expect(finishOf("refusal", undefined, { stop_details: details })).toMatchObject({
      event: { value: { providerMessage: "cyber: It could do harm." } },
    });
    expect(finishOf("refusal", undefined, { stop_details: { category: null, explanation: null } })).toMatchObject({
      event: { value: { providerMessage: "" } },
    });
  });

  test("is message_stop and nothing else (mutant: end at the stop_reason)", () => {
    const { ended, error } = decodeStream([start(), ...text(0, "Hi"), ...stop().slice(0, 1)], { eof: true });
    expect(ended).toBe(false);
    expect(error).toMatchObject({ reason: "UPSTREAM_TRUNCATED" });
  });

  test("without a reason is a truncated answer", () => {
    expect(decodeStream([start(), ...text(0, "Hi"), { type: "message_stop" }]).error).toMatchObject({
      reason: "UPSTREAM_TRUNCATED",
    });
  });

  test("closes what the provider left open", () => {
    const whole = block(
      0,
      { type: "tool_use", id: "t", name: "go", input: {} },
      { type: "input_json_delta", partial_json: '{"a":' },
    );
    const { events } = decodeStream([start(), ...whole.slice(0, -1), ...stop("max_tokens")]);
    expect(summary(events).slice(-2)).toEqual(['ended 0 t go {"a":', "finished max_tokens"]);
    expect(events.at(-2)).toMatchObject({ event: { value: { argumentsValid: false } } });
  });
});

describe("what else comes in a stream", () => {
  test("is skipped: pings, events and blocks' events nobody knows", () => {
    const { events, error } = decodeStream([
      { type: "ping" },
      start(),
      { type: "brand_new", index: 0, content: 1 },
      { type: "content_block_stop", index: 9 },
      ...text(0, "Hi"),
      ...stop(),
    ]);
    expect(error).toBeUndefined();
    expect(summary(events)).toEqual(["text 0 Hi", "finished end_turn"]);
  });

  test("may be named by its event alone", () => {
    const named = decodeNamed("error", '{"error":{"type":"overloaded_error","message":"Overloaded"}}');
    expect(named.error).toMatchObject({ reason: "PROVIDER_OVERLOADED" });
    expect(decodeNamed("error", "busy").error).toMatchObject({
      reason: "PROVIDER_UNKNOWN",
      extras: { providerMessage: "busy" },
    });
    expect(decodeNamed("", '{"error":{"type":"api_error"}}').error).toMatchObject({ reason: "PROVIDER_INTERNAL" });
  });

  test("is no event: a failure", () => {
    expect(decodeStream([start(), "<html>"]).error).toMatchObject({ reason: "PROVIDER_PROTOCOL" });
  });

  test("an error after HTTP 200 ends the answer, what was said before it stays (mutant: skip unknown events first)", () => {
    const error = { type: "error", error: { details: null, type: "overloaded_error", message: "Overloaded" } };
    const read = decodeStream([start(), ...text(0, "may", "be"), error, ...stop()]);
    expect(summary(read.events)).toEqual(["text 0 may", "text 0 be"]);
    expect(read.error).toMatchObject({ reason: "PROVIDER_OVERLOADED", extras: { providerMessage: "Overloaded" } });
    expect(read.ended).toBe(false);
  });

  test("calls that waited in the message are read from message_start", () => {
    const waiting = { type: "tool_use", id: "toolu_1", name: "roll", input: { player: "one" } };
    const { events } = decodeStream([start({ content: [waiting], stop_reason: "tool_use" }), { type: "message_stop" }]);
    expect(summary(events)).toEqual([
      "started 0 toolu_1 roll",
      'arguments 0 {"player":"one"}',
      'ended 0 toolu_1 roll {"player":"one"}',
      "finished tool_use",
    ]);
  });
});

describe("usage", () => {
  // Mutant seen red: nothing said when the answer fails.
  test("that came last is told when the answer fails, if it was held back", () => {
    const events = [
      start({ usage: { input_tokens: 9, output_tokens: 1 } }),
      ...[2, 3, 4, 5, 6, 7].map((output_tokens) => ({
        type: "message_delta",
        delta: { stop_reason: null },
        usage: { output_tokens },
      })),
    ];
    const told = (count: number) => summary(decodeStream(events.slice(0, count), { fails: true }).events);
    const first = [1, 2, 3, 4].map((output) => `usage so far 9/${output}`);
    expect(told(7)).toEqual([...first, "usage so far 9/7"]);
    expect(told(4)).toEqual(first);
    expect(told(0)).toEqual([]);
  });

  test("is provisional until the end, and then the provider's own object (mutant: the last object alone)", () => {
    const usage = { input_tokens: 10, cache_read_input_tokens: 4, output_tokens: 1, service_tier: "standard" };
    const { events } = decodeStream([start({ usage }), ...text(0, "Hi"), ...stop("end_turn", { output_tokens: 9 })]);
    expect(summary(events)).toEqual([
      "usage so far 14/1",
      "text 0 Hi",
      "usage so far 14/9",
      "usage final 14/9",
      "finished end_turn",
    ]);
    expect(events.at(-2)).toMatchObject({
      event: {
        value: {
          attempt: 1,
          usage: {
            providerUsageJson:
              '{"input_tokens":10,"cache_read_input_tokens":4,"output_tokens":9,"service_tier":"standard"}',
          },
        },
      },
    });
  });

  test("is cumulative: a later figure replaces, null does not, and less is told at the end only", () => {
    const deltas = [
      { input_tokens: 900, output_tokens: 5 },
      { input_tokens: null, output_tokens: 3 },
    ].map((usage) => ({
      type: "message_delta",
      delta: { stop_reason: null },
      usage,
    }));
    const { events } = decodeStream([
      start({ usage: { input_tokens: 10, output_tokens: 1 } }),
      ...deltas,
      ...stop("refusal"),
    ]);
    expect(summary(events)).toEqual([
      "usage so far 10/1",
      "usage so far 900/5",
      "usage final 900/3",
      "finished refusal",
    ]);
  });

  test("that nobody reports is none", () => {
    expect(summary(decodeStream([start(), ...stop()]).events)).toEqual(["finished end_turn"]);
  });
});
