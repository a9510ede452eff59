import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { maskQuotes } from "../../src/adapters/quotes.ts";
import { MessageRole } from "../../src/gen/execution/v1/content_pb.js";
import { asking } from "../support/planning.ts";

const messages = (...texts: readonly string[]) =>
  asking({
    messages: texts.map((text) => ({ role: MessageRole.USER, parts: [{ kind: { case: "text", value: { text } } }] })),
  });

describe("what a text quotes of the messages", () => {
  test.each([
    ["a whole message", "you said 'open the safe' twice", "you said '[prompt]' twice", "open the safe"],
    ["a word that anybody says", "the model is not there", undefined, "the model"],
    [
      "a few words in common",
      "the model does not support this value",
      undefined,
      `so ${"x ".repeat(40)} does not support it`,
    ],
  ])("is %s", (_, text, expected, message) => {
    expect(maskQuotes(text, messages(message))).toBe(expected ?? text);
  });

  test("is found in tool results and arguments, and in the parts of a result", () => {
    const secret = "the code of the safe is four, seven, one, one, nine";
    const request = asking({
      messages: [
        {
          role: MessageRole.TOOL,
          parts: [
            {
              kind: {
                case: "toolResult",
                value: { toolCallId: "c", parts: [{ kind: { case: "text", value: { text: secret } } }] },
              },
            },
          ],
        },
      ],
    });
    expect(maskQuotes(`bad result: ${secret}.`, request)).toBe("bad result: [prompt].");
  });

  // Mutants seen red: the blocks of the message stepped over by 32; a run measured after its block only.
  test("is found wherever it begins and ends, from 32 characters on", () => {
    const letters = fc.string({ unit: fc.constantFrom(..."abcdefghij"), minLength: 32, maxLength: 200 });
    fc.assert(
      fc.property(letters, letters, letters, fc.nat(), (before, quote, after, cut) => {
        const prompt = before.slice(0, cut % 33) + quote + after;
        expect(maskQuotes(`<${quote}>`, messages(prompt))).toBe("<[prompt]>");
      }),
    );
  });

  // Mutant seen red: comparisons not counted, which takes minutes.
  test("is all of it where text and message repeat themselves without an end", () => {
    const text = Array.from({ length: 33 }, () => "a".repeat(31)).join("b");
    expect(maskQuotes(text, messages("a".repeat(16 * 1024 * 1024)))).toBe("[prompt]");
  });
});
