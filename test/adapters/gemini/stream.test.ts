import { describe, expect, test } from "@jest/globals";
import { FinishReason } from "../../../src/gen/execution/v1/chat_pb.js";
import { summary } from "../shared/summary.ts";
import { candidate, chunk, decodeChunks, decodeDocument, decodeParts, finish } from "./decode.ts";

describe("text and thoughts", () => {
  test("are one part until another kind comes", () => {
    const { events, ended } = decodeParts([
      { text: "Let me ", thought: true },
      { text: "see.", thought: true },
      { text: "4" },
      { text: "2" },
      { text: "Hm.", thought: true },
    ]);
    expect(summary(events)).toEqual([
      "reasoning 0 Let me ",
      "reasoning 0 see.",
      "text 1 4",
      "text 1 2",
      "reasoning 2 Hm.",
      "finished STOP",
    ]);
    expect(events[0]).toMatchObject({ sequence: 0, event: { value: { step: 2, part: 0 } } });
    expect(ended).toBe(true);
  });

  test("that are empty are no part, and end none", () => {
    expect(summary(decodeParts([{ text: "" }, { text: "a" }, { text: "" }, { text: "b" }]).events)).toEqual([
      "text 0 a",
      "text 0 b",
      "finished STOP",
    ]);
  });

  test("keep characters whole whose halves came apart (mutant: pass texts on as they come)", () => {
    const { events } = decodeParts([{ text: "ok \ud83d" }, { text: "\ude42" }, { text: "\ud83d" }]);
    expect(summary(events)).toEqual(["text 0 ok ", "text 0 🙂", "text 0 \ufffd", "finished STOP"]);
  });

  test("with a signature are a part of their own (mutant: join signed texts to those before)", () => {
    const { events } = decodeParts([
      { text: "a" },
      { text: "b", thoughtSignature: "c2ln" },
      { text: "c" },
      { text: "", thoughtSignature: "bGFzdA==" },
    ]);
    expect(summary(events)).toEqual([
      "text 0 a",
      "text 1 b",
      "state 1 gemini thought_signature c2ln",
      "text 2 c",
      "state 3 gemini thought_signature bGFzdA==",
      "finished STOP",
    ]);
  });

  test("of a signed thought without words is kept as the part it was", () => {
    const { events } = decodeParts([{ text: "", thought: true, thoughtSignature: "c2ln" }]);
    expect(summary(events)).toEqual([
      'state 0 gemini part {"text":"","thought":true}',
      "state 0 gemini thought_signature c2ln",
      "finished STOP",
    ]);
  });

  test("with members that nobody knows are kept whole", () => {
    const { events } = decodeChunks(['{"candidates":[{"content":{"parts":[{"text":"a","new": 1.50}]}}]}', finish()]);
    expect(summary(events)).toEqual(["text 0 a", 'state 0 gemini part {"text":"a","new":1.50}', "finished STOP"]);
  });
});

describe("the end", () => {
  test.each([
    ["STOP", FinishReason.STOP],
    ["MAX_TOKENS", FinishReason.LENGTH],
    ["SAFETY", FinishReason.CONTENT_FILTER],
    ["RECITATION", FinishReason.CONTENT_FILTER],
    ["BLOCKLIST", FinishReason.CONTENT_FILTER],
    ["PROHIBITED_CONTENT", FinishReason.CONTENT_FILTER],
    ["SPII", FinishReason.CONTENT_FILTER],
    ["IMAGE_SAFETY", FinishReason.CONTENT_FILTER],
    ["MALFORMED_FUNCTION_CALL", FinishReason.OTHER],
    ["UNEXPECTED_TOOL_CALL", FinishReason.OTHER],
    ["LANGUAGE", FinishReason.OTHER],
    ["A_NEW_ONE", FinishReason.OTHER],
    ["constructor", FinishReason.OTHER],
  ])("%s is told with the provider's word", (word, reason) => {
    expect(decodeChunks([finish(word)]).events.at(-1)).toMatchObject({
      event: { case: "finished", value: { reason, providerReason: word } },
    });
  });

  test("is OTHER with its number where enums are numbers", () => {
    expect(decodeChunks([finish(1)]).events.at(-1)).toMatchObject({
      event: { value: { reason: FinishReason.OTHER, providerReason: "1" } },
    });
  });

  test("tells what the provider says of it", () => {
    const { events } = decodeChunks([finish("MALFORMED_FUNCTION_CALL", { finishMessage: "Malformed call: print(" })]);
    expect(events.at(-1)).toMatchObject({ event: { value: { providerMessage: "Malformed call: print(" } } });
  });

  test.each([
    [{ blockReason: "SAFETY" }, "SAFETY", ""],
    [{ blockReason: "OTHER", blockReasonMessage: "because" }, "OTHER", "because"],
    [{ blockReasonMessage: "because" }, "", "because"],
  ])("is CONTENT_FILTER where the prompt is blocked: %j", (promptFeedback, providerReason, providerMessage) => {
    const value = { reason: FinishReason.CONTENT_FILTER, providerReason, providerMessage };
    expect(decodeChunks([{ promptFeedback }]).events.at(-1)).toMatchObject({ event: { case: "finished", value } });
    expect(decodeDocument({ promptFeedback }).events.at(-1)).toMatchObject({ event: { case: "finished", value } });
  });

  test("without a reason is no end of a stream (mutant: take the end of the body for it)", () => {
    for (const chunks of [
      [chunk({ text: "a" })],
      [candidate({ finishReason: "FINISH_REASON_UNSPECIFIED" })],
      [candidate({ finishReason: 0 })],
    ]) {
      const { events, error, ended } = decodeChunks(chunks);
      expect(error).toMatchObject({ reason: "UPSTREAM_TRUNCATED" });
      expect([summary(events).includes("finished"), ended]).toEqual([false, false]);
    }
  });

  test("of a whole answer is its own, reason or not", () => {
    expect(decodeDocument(candidate({ content: {} })).events.at(-1)).toMatchObject({
      event: { case: "finished", value: { reason: FinishReason.OTHER, providerReason: "" } },
    });
  });

  test("may be followed by more (mutant: end at the first reason)", () => {
    const { events } = decodeChunks([chunk({ text: "a" }), finish("STOP"), chunk({ text: "b" })]);
    expect(summary(events)).toEqual(["text 0 a", "text 0 b", "finished STOP"]);
  });
});

describe("an answer", () => {
  test("is read from candidate 0 alone (mutant: read every candidate)", () => {
    const parts = (text: string) => ({ content: { parts: [{ text }] } });
    const { events } = decodeChunks([
      {
        candidates: [
          { index: 1, ...parts("other"), finishReason: "SAFETY" },
          { index: 0, ...parts("ours") },
        ],
      },
      { candidates: [{ ...parts("!"), finishReason: "STOP" }] },
    ]);
    expect(summary(events)).toEqual(["text 0 ours", "text 0 !", "finished STOP"]);
  });

  test.each([["a list"], ['"text"'], ["{"], ['{"this":[]}'], ["{}"]])("that is %s is of no such wire", (text) => {
    expect(decodeChunks([text]).error).toMatchObject({ reason: "PROVIDER_PROTOCOL" });
  });

  test("may be a whole array, each element a chunk", () => {
    const { events } = decodeDocument([chunk({ text: "a" }), finish()]);
    expect(summary(events)).toEqual(["text 0 a", "finished STOP"]);
  });

  test("fails by an error in it, with what it had used till then", () => {
    const error = { code: 503, status: "UNAVAILABLE", message: "The model is overloaded." };
    const usageMetadata = { promptTokenCount: 3, candidatesTokenCount: 1, totalTokenCount: 4 };
    const { events, error: thrown } = decodeChunks([{ ...chunk({ text: "a" }), usageMetadata }, { error }]);
    expect(summary(events)).toEqual(["text 0 a", "usage so far 3/1", "usage final 3/1"]);
    expect(thrown).toMatchObject({ reason: "PROVIDER_UNAVAILABLE" });
  });
});

describe("usage", () => {
  const usage = (promptTokenCount: number, candidatesTokenCount: number) => ({
    usageMetadata: { promptTokenCount, candidatesTokenCount, totalTokenCount: promptTokenCount + candidatesTokenCount },
  });

  // Mutant seen red: nothing said when the answer fails.
  test("that came last is told when the answer fails, if it was held back", () => {
    const chunks = [1, 2, 3, 4, 5, 6, 7].map((output) => ({ ...chunk({ text: "a" }), ...usage(9, output) }));
    const told = (count: number) =>
      summary(decodeChunks(chunks.slice(0, count), { fails: true }).events).filter((line) => !line.startsWith("text"));
    const first = [1, 2, 3, 4].map((output) => `usage so far 9/${output}`);
    expect(told(7)).toEqual([...first, "usage so far 9/7"]);
    expect(told(4)).toEqual(first);
    expect(told(0)).toEqual([]);
  });

  test("is told while it grows, and at the end as the last chunk has it (mutant: add the chunks up)", () => {
    const { events } = decodeChunks([
      { ...chunk({ text: "a" }), ...usage(5, 1) },
      { ...chunk({ text: "b" }), ...usage(5, 1) },
      { ...chunk({ text: "c" }), ...usage(5, 0) },
      { ...chunk({ text: "d" }), ...usage(5, 4) },
      { ...finish(), ...usage(9, 3) },
    ]);
    expect(summary(events).filter((line) => line.startsWith("usage"))).toEqual([
      "usage so far 5/1",
      "usage so far 5/4",
      "usage final 9/3",
    ]);
    expect(events.at(-2)).toMatchObject({
      event: { value: { usage: { providerUsageJson: JSON.stringify(usage(9, 3).usageMetadata) } } },
    });
  });

  test("keeps the digits of the provider's own object", () => {
    const { events } = decodeDocument('{"candidates":[],"usageMetadata":{"totalTokenCount":1e1, "x": 1.50}}');
    expect(events[0]).toMatchObject({
      event: { value: { usage: { providerUsageJson: '{"totalTokenCount":1e1, "x": 1.50}' } } },
    });
  });
});
