import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import {
  type ChatEvent,
  chatEvent,
  reasoningDelta,
  refusalDelta,
  textDelta,
  toolCallDelta,
  usageEvent,
} from "../../src/contract/events.ts";
import { unknownUsage } from "../../src/contract/usage.ts";
import { ChatRequestSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../src/gen/execution/v1/content_pb.js";
import { type Usage, UsageSource } from "../../src/gen/execution/v1/usage_pb.js";
import { createStreamedOutput } from "../../src/router/unfinished-usage.ts";

/*
 * Mutants seen red: the provider's last figure alone; the text before that figure counted twice; only text counted; characters counted, not
 * bytes; a final usage estimated; a picture taken for nothing; the provider's cost of a part taken for the whole's; nothing known before the provider
 * says it; an input made up of an answer of which nothing came.
 */

const at = { step: 0, part: 0 };
const usage = (fields: Partial<Usage>): Usage => ({ ...unknownUsage(), source: UsageSource.PROVIDER, ...fields });
const told = (fields: Partial<Usage>, final = false): ChatEvent => usageEvent(0, 0, usage(fields), final);

const request = create(ChatRequestSchema, {
  messages: [{ role: MessageRole.USER, parts: [{ kind: { case: "text", value: { text: "x".repeat(40) } } }] }],
});

/** The estimate after some events, whose last usage is the one that is known. */
function estimate(...events: readonly ChatEvent[]): Usage | undefined {
  const streamed = createStreamedOutput(request);
  let last = usage({});
  for (const event of events) {
    streamed.see(event);
    if (event.event.case === "usage") last = event.event.value.usage ?? last;
  }
  return streamed.estimate(last);
}

describe("the usage of an attempt that did not end", () => {
  test("is what the provider said last and the text after it, at four bytes a token, marked as an estimate", () => {
    const events = [
      textDelta(at, "x".repeat(400)),
      told({ inputTotal: 9, inputUncached: 9, outputTotal: 100, serviceTier: "standard" }),
      textDelta(at, "x".repeat(38)),
      reasoningDelta(at, "x"),
      refusalDelta(at, "x"),
      toolCallDelta(at, "x"),
    ];
    expect(estimate(...events)).toEqual(
      usage({
        inputTotal: 9,
        inputUncached: 9,
        outputTotal: 111,
        serviceTier: "standard",
        source: UsageSource.ESTIMATED,
      }),
    );
  });

  test("counts from the beginning where the provider told its input only", () => {
    expect(estimate(textDelta(at, "1234"), told({ inputTotal: 9 }), textDelta(at, "5678"))).toMatchObject({
      outputTotal: 2,
    });
  });

  test.each([
    ["Привет, мир", 6],
    ["こんにちは世界", 6],
    ["😀😀😀😀", 4],
    ["", 0],
  ])("counts %j by about its bytes", (text, tokens) => {
    expect(estimate(told({ outputTotal: 0 }), textDelta(at, text))?.outputTotal).toBe(tokens);
  });

  test("tells the parts of its output apart as long as they are all of it", () => {
    const parts = { outputTotal: 10, outputText: 4, outputReasoning: 6 };
    expect(estimate(told(parts))).toMatchObject(parts);
    const more = estimate(told(parts), textDelta(at, "1234"));
    expect(more).toMatchObject({ outputTotal: 11, outputReasoning: 6 });
    expect(more).not.toHaveProperty("outputText");
  });

  test("has no output where sound or a picture came after what the provider said", () => {
    const image = chatEvent({ case: "image", value: { $typeName: "execution.v1.ImageEvent", step: 0, part: 0 } });
    expect(estimate(told({ outputTotal: 10 }), image)).not.toHaveProperty("outputTotal");
    expect(estimate(image, told({ outputTotal: 10 }))).toMatchObject({ outputTotal: 10 });
  });

  test("leaves out what the provider said that a part of it cost", () => {
    expect(estimate(told({ outputTotal: 1, providerCostNanoUsd: 5n }))).not.toHaveProperty("providerCostNanoUsd");
  });

  test("fits its type, however much is streamed", () => {
    expect(estimate(told({ outputTotal: 0xffffffff }), textDelta(at, "12345"))?.outputTotal).toBe(0xffffffff);
  });

  test("has the input that is to be expected where the provider has said nothing, and is not known before anything came", () => {
    const silent = createStreamedOutput(request);
    expect(silent.estimate(undefined)).toBeUndefined();
    silent.see(textDelta(at, "x".repeat(8)));
    // 40 bytes of text are 10 tokens; a message and what is around it have some of their own.
    expect(silent.estimate(undefined)).toEqual(
      usage({ inputTotal: 15, outputTotal: 2, source: UsageSource.ESTIMATED }),
    );
  });

  test("is the provider's once that is final", () => {
    const final = { outputTotal: 1, outputText: 1, providerCostNanoUsd: 5n };
    expect(estimate(told(final, true), textDelta(at, "x".repeat(100)))).toEqual(usage(final));
  });
});
