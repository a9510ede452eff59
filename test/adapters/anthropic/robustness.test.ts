import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readErrorValue } from "../../../src/adapters/anthropic/errors.ts";
import type { JsonValue } from "../../emulators/exchange.ts";
import { brokenInvariants } from "../shared/invariants.ts";
import { type Decoded, decodeDocument, decodeStream, stop } from "./decode.ts";

const NAMES = [
  "type",
  "index",
  "message",
  "content",
  "content_block",
  "delta",
  "text",
  "thinking",
  "signature",
  "data",
  "id",
  "name",
  "input",
  "partial_json",
  "tool_use_id",
  "is_error",
  "citation",
  "citations",
  "document_index",
  "source",
  "caller",
  "usage",
  "input_tokens",
  "cache_creation",
  "ephemeral_1h_input_tokens",
  "iterations",
  "server_tool_use",
  "stop_reason",
  "stop_details",
  "category",
  "error",
  "details",
];
const TYPES = [
  "text",
  "thinking",
  "redacted_thinking",
  "tool_use",
  "server_tool_use",
  "mcp_tool_result",
  "compaction",
  "text_delta",
  "thinking_delta",
  "signature_delta",
  "input_json_delta",
  "citations_delta",
  "compaction_delta",
  "end_turn",
];

/** Figures a provider should not send, among those it may. */
const FIGURES: readonly JsonValue[] = [0, 1, 4_294_967_295, 4_294_967_296, -10, 1.5, 1e30, 1e300, null, "9"];
const COUNTS = [
  "input_tokens",
  "cache_read_input_tokens",
  "cache_creation_input_tokens",
  "output_tokens",
  "ephemeral_5m_input_tokens",
  "ephemeral_1h_input_tokens",
  "thinking_tokens",
  "web_search_requests",
];

describe("any JSON at all", () => {
  const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: "large", withCrossShrink: true },
      fc.constantFrom<JsonValue>(null, true, 0, -1, 1.5, 2 ** 40, "", "\ud83d", "__proto__", ...TYPES),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...NAMES), tie("value"), { maxKeys: 6 }),
    ),
  }));
  const typed = fc
    .tuple(fc.constantFrom(...TYPES), fc.dictionary(fc.constantFrom(...NAMES), value, { maxKeys: 6 }))
    .map(([type, fields]) => ({ ...fields, type }));
  const part = fc.oneof(typed, value);

  const check = ({ events, error }: Decoded): void => {
    expect(error === undefined || (error as Error).name === "ExecutionError").toBe(true);
    expect(
      brokenInvariants(events, { step: 2, attempt: 1, outcome: error === undefined ? "success" : "error" }),
    ).toEqual([]);
  };

  test("gives well-formed events or an error of ours, never another (mutant: read fields without looking)", () => {
    const event = fc.oneof(
      fc.record({ type: fc.constant("message_start"), message: part }),
      fc.record({ type: fc.constant("content_block_start"), index: fc.nat(2), content_block: part }),
      fc.record({ type: fc.constant("content_block_delta"), index: fc.nat(2), delta: part }),
      fc.record({ type: fc.constant("content_block_stop"), index: fc.oneof(fc.nat(2), value) }),
      fc.record({ type: fc.constant("message_delta"), delta: part, usage: value }),
    );
    const end = [{ type: "message_delta", delta: { stop_reason: "end_turn" } }, { type: "message_stop" }];
    fc.assert(
      fc.property(fc.array(event, { maxLength: 8 }), (events) => check(decodeStream([...events, ...end]))),
      { numRuns: 1000 },
    );
  });

  test("is no other as a whole answer", () => {
    const document = fc.record({ content: fc.array(part, { maxLength: 4 }), stop_reason: value, usage: value });
    fc.assert(
      fc.property(document, (one) => check(decodeDocument(one))),
      { numRuns: 500 },
    );
  });

  // Mutant seen red: counts added up as they come, so that a sum is more than its type holds.
  test("is a usage that can be told", () => {
    const flat = fc.dictionary(fc.constantFrom(...COUNTS), fc.constantFrom(...FIGURES));
    const pass = fc
      .record({ flat, type: fc.constantFrom("compaction", "advisor_message"), cache_creation: flat })
      .map(({ flat: members, ...others }) => ({ ...members, ...others }));
    const nested = fc.record(
      {
        cache_creation: flat,
        output_tokens_details: flat,
        server_tool_use: flat,
        iterations: fc.array(pass, { maxLength: 3 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(flat, nested), { maxLength: 3 }), (usages) => {
        const told = usages.map(([some, more]) => ({ type: "message_delta", delta: {}, usage: { ...some, ...more } }));
        check(decodeStream([...told, ...stop()]));
      }),
      { numRuns: 500 },
    );
  });

  test("is an error of ours as an error", () => {
    fc.assert(
      fc.property(value, (one) => {
        expect(readErrorValue(one).name).toBe("ExecutionError");
      }),
    );
  });
});
