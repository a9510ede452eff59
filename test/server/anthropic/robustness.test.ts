import { equals, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ExecutionError } from "../../../src/errors.ts";
import { ChatRequestSchema } from "../../../src/gen/execution/v1/chat_pb.js";
import { parseMessages } from "../../../src/server/anthropic/messages-request.ts";
import { FULL_BODY } from "./full-body.ts";

/** Parses a body; what it is must go over every wire, and what is wrong with it must be INVALID_FIELD. */
function survives(body: string): void {
  try {
    const { request } = parseMessages(body);
    expect(
      equals(ChatRequestSchema, fromBinary(ChatRequestSchema, toBinary(ChatRequestSchema, request)), request),
    ).toBe(true);
  } catch (error) {
    if (!(error instanceof ExecutionError) || error.reason !== "INVALID_FIELD") throw error;
    expect(error.extras.fields?.[0]?.field.length).toBeLessThan(1000);
  }
}

const names = fc.constantFrom(
  ...["model", "max_tokens", "messages", "system", "role", "content", "type", "text", "source", "data", "media_type"],
  ...["url", "file_id", "title", "context", "citations", "enabled", "cache_control", "ttl", "thinking", "signature"],
  ...["id", "name", "input", "tool_use_id", "is_error", "caller", "tools", "input_schema", "tool_choice", "metadata"],
  ...[
    "user_id",
    "output_config",
    "effort",
    "format",
    "schema",
    "stop_sequences",
    "container",
    "__proto__",
    "constructor",
  ],
);
const words = fc.constantFrom(
  ...["user", "assistant", "system", "text", "image", "document", "thinking", "redacted_thinking", "tool_use"],
  ...["tool_result", "server_tool_use", "web_search_tool_result", "base64", "url", "file", "content", "ephemeral"],
  ...["adaptive", "enabled", "json_schema", "auto", "tool", "5m", "low", "__proto__", "toString", "", "\ud800"],
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "large", withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 2 ** 40, "aGk="),
    words,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(names, tie("value"), { maxKeys: 6 }),
  ),
}));

/** The value with one of the values in it, counted from outside, replaced. */
function replaced(whole: unknown, place: number, other: unknown): unknown {
  let left = place % countValues(whole);
  const walk = (one: unknown): unknown => {
    left -= 1;
    if (left === -1) return other;
    if (Array.isArray(one)) return one.map(walk);
    if (typeof one !== "object" || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([key, member]) => [key, walk(member)]));
  };
  return walk(whole);
}

function countValues(one: unknown): number {
  const members = typeof one === "object" && one !== null ? Object.values(one) : [];
  return members.reduce((sum: number, member) => sum + countValues(member), 1);
}

describe("a hostile body", () => {
  test("of any JSON is a request or INVALID_FIELD, never another error", () => {
    fc.assert(
      fc.property(fc.dictionary(names, value), (body) => survives(JSON.stringify(body))),
      { numRuns: 500 },
    );
  });

  test("with one value of it replaced by another is a request or INVALID_FIELD (mutant: read an id without looking)", () => {
    fc.assert(
      fc.property(fc.nat(), value, (place, other) => survives(JSON.stringify(replaced(FULL_BODY, place, other)))),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["the whole", (deep: string) => deep],
    ["a content", (deep: string) => `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":${deep}}]}`],
    [
      "an input",
      (deep: string) =>
        `{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"b","input":{"x":${deep}}}]}]}`,
    ],
    [
      "an unknown block",
      (deep: string) =>
        `{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"new","x":${deep}}]}]}`,
    ],
    [
      "an option",
      (deep: string) => `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}],"container":${deep}}`,
    ],
  ])("is survived where %s is 100,000 levels deep", (_what, bodyOf) => {
    const levels = 100_000;
    survives(bodyOf("[".repeat(levels) + "]".repeat(levels)));
  });
});
