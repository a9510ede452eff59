import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { JsonValue } from "../../emulators/exchange.ts";
import { brokenInvariants } from "../shared/invariants.ts";
import { type Decoded, decodeChunks, finish } from "./decode.ts";

/** Figures a provider should not send, among those it may. */
const FIGURES: readonly JsonValue[] = [0, 1, 4_294_967_295, 4_294_967_296, -10, 1.5, 1e30, 1e300, null, "9"];
const COUNTS = [
  "promptTokenCount",
  "toolUsePromptTokenCount",
  "cachedContentTokenCount",
  "candidatesTokenCount",
  "thoughtsTokenCount",
  "totalTokenCount",
];

function check({ events, error }: Decoded): void {
  expect(error === undefined || (error as Error).name === "ExecutionError").toBe(true);
  expect(brokenInvariants(events, { step: 2, attempt: 1, outcome: error === undefined ? "success" : "error" })).toEqual(
    [],
  );
}

describe("any JSON at all", () => {
  const names = fc.constantFrom(
    "candidates",
    "content",
    "parts",
    "text",
    "thought",
    "thoughtSignature",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
    "inlineData",
    "mimeType",
    "data",
    "name",
    "id",
    "args",
    "partialArgs",
    "jsonPath",
    "stringValue",
    "willContinue",
    "response",
    "groundingMetadata",
    "groundingChunks",
    "groundingSupports",
    "groundingChunkIndices",
    "citationMetadata",
    "citations",
    "logprobsResult",
    "chosenCandidates",
    "usageMetadata",
    "promptTokenCount",
    "promptFeedback",
    "finishReason",
    "index",
  );
  const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: "large", withCrossShrink: true },
      fc.constantFrom<JsonValue>(
        null,
        true,
        0,
        -1,
        1.5,
        2 ** 40,
        1e300,
        "",
        "text",
        "\ud83d",
        "image/png",
        "audio/wav",
        "$.a[0]",
        "STOP",
      ),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(names, tie("value"), { maxKeys: 5 }),
    ),
  }));

  test("gives well-formed events or an error of ours, never another (mutant: read fields without looking)", () => {
    const part = fc.dictionary(names, value, { maxKeys: 4 });
    const candidate = fc.record(
      {
        index: fc.constantFrom<JsonValue>(0, 0, 1, "x"),
        content: fc.oneof(fc.record({ parts: fc.array(part, { maxLength: 3 }) }), value),
        finishReason: fc.constantFrom<JsonValue>(null, "STOP", 3),
        groundingMetadata: value,
        citationMetadata: value,
        logprobsResult: value,
      },
      { requiredKeys: [] },
    );
    const chunk = fc.record(
      {
        candidates: fc.oneof(fc.array(candidate, { maxLength: 2 }), value),
        usageMetadata: value,
        promptFeedback: value,
      },
      { requiredKeys: ["candidates"] },
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 4 }), (chunks) => {
        check(decodeChunks(chunks.map((one) => JSON.stringify(one))));
      }),
      { numRuns: 1000 },
    );
  });

  // Seen red with the ids and names as they came.
  test("has whole characters in its ids and names", () => {
    const half = "\ud83d";
    const parts = [
      { functionCall: { id: half, name: half, args: {} } },
      { functionResponse: { id: half, name: half, response: {} } },
      { executableCode: { id: half, code: "1" } },
      { codeExecutionResult: { id: half, output: half, outcome: "OUTCOME_OK" } },
      { inlineData: { mimeType: `image/${half}`, data: "AAAA" } },
      { inlineData: { mimeType: `audio/${half}`, data: "AAAA" } },
    ];
    const citationMetadata = { citationSources: [{ uri: half, title: half }] };
    const chunk = { candidates: [{ content: { parts }, citationMetadata, finishReason: half, finishMessage: half }] };
    check(decodeChunks([JSON.stringify(chunk)]));
  });

  // Mutant seen red: counts added up as they come, so that a sum is more than its type holds.
  test("is a usage that can be told", () => {
    const flat = fc.dictionary(fc.constantFrom(...COUNTS), fc.constantFrom(...FIGURES));
    const detail = fc.record({
      modality: fc.constantFrom("TEXT", "AUDIO", "IMAGE"),
      tokenCount: fc.constantFrom(...FIGURES),
    });
    const details = fc.array(detail, { maxLength: 4 });
    const nested = fc.record(
      {
        promptTokensDetails: details,
        cacheTokensDetails: details,
        toolUsePromptTokensDetails: details,
        candidatesTokensDetails: details,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(flat, nested), { maxLength: 3 }), (usages) => {
        check(decodeChunks([...usages.map(([some, more]) => ({ usageMetadata: { ...some, ...more } })), finish()]));
      }),
      { numRuns: 500 },
    );
  });
});
