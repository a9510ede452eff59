import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { brokenInvariants } from "../shared/invariants.ts";
import { decodeChunks } from "./decode.ts";

describe("any JSON at all", () => {
  const names = fc.constantFrom(
    "choices",
    "delta",
    "message",
    "content",
    "tool_calls",
    "function",
    "arguments",
    "name",
    "id",
    "index",
    "usage",
    "prompt_tokens",
    "logprobs",
    "audio",
    "images",
    "annotations",
    "reasoning_details",
    "extra_content",
    "finish_reason",
    "url_citation",
    "image_url",
    "type",
    "data",
    "token",
    "x_groq",
    "citations",
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "large", withCrossShrink: true },
      fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 2 ** 40, "", "text", "data:image/png;base64,AAAA"),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(names, tie("value"), { maxKeys: 5 }),
    ),
  }));

  test("gives well-formed events or an error of ours, never another (mutant: read fields without looking)", () => {
    const choice = fc.record(
      {
        index: fc.constantFrom<unknown>(0, 0, 1, "x"),
        delta: fc.dictionary(names, value, { maxKeys: 6 }),
        finish_reason: fc.constantFrom<unknown>(null, "stop", 3),
      },
      { requiredKeys: [] },
    );
    const chunk = fc.record(
      { choices: fc.oneof(fc.array(choice, { maxLength: 2 }), value), usage: value, x_groq: value, citations: value },
      { requiredKeys: ["choices"] },
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 4 }), (chunks) => {
        const { events, error } = decodeChunks(chunks.map((one) => JSON.stringify(one)));
        expect(error === undefined || (error as Error).name === "ExecutionError").toBe(true);
        expect(
          brokenInvariants(events, { step: 2, attempt: 1, outcome: error === undefined ? "success" : "error" }),
        ).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
