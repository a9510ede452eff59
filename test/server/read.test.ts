import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ExecutionError } from "../../src/errors.ts";
import { ChatRequestSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { CostsRequestSchema } from "../../src/gen/execution/v1/costs_pb.js";
import { decodeJson, parseJson } from "../../src/server/read.ts";
import { failureOf } from "../support/planning.ts";

/** What is said of a body that is no ChatRequest. */
function complaint(body: string): ExecutionError {
  try {
    decodeJson(ChatRequestSchema, parseJson(body));
  } catch (thrown) {
    if (thrown instanceof ExecutionError) return thrown;
    throw thrown;
  }
  throw new Error("the body was read");
}

describe("a body that cannot be decoded", () => {
  test.each([
    '{"messages":"SECRET"}',
    '{"messages":["SECRET"]}',
    '{"messages":[{"role":"SECRET"}]}',
    '{"messages":[{"parts":[{"text":"SECRET"}]}]}',
    '{"messages":[{"parts":[{"text":{"text":["SECRET"]}}]}]}',
    '{"sampling":{"temperature":"SECRET"}}',
    '{"sampling":{"seed":"SECRET"}}',
    '{"metadata":{"a":{"SECRET":1}}}',
    '{"metadata":["SECRET"]}',
    "SECRET",
  ])("%s is refused without a word of what was sent (mutant: the decoder's own words)", (body) => {
    const { reason, message, extras } = complaint(body);
    expect(reason).toBe("INVALID_FIELD");
    expect(message + JSON.stringify(extras.fields)).not.toContain("SECRET");
  });

  // Mutants seen red: the field's own name for its path; fields known by their names in the proto only.
  test.each([
    ["[]", "", "must be an object"],
    ['{"messages":5}', "messages", "must be a list"],
    ['{"messages":[{},null]}', "messages[1]", "must not be null"],
    ['{"messages":[{},[]]}', "messages[1]", "must be an object"],
    ['{"mesages":[]}', "mesages", "is not a field of execution.v1.ChatRequest"],
    [`{"${"k".repeat(100)}":[]}`, `${"k".repeat(64)}...`, "is not a field of execution.v1.ChatRequest"],
    [
      '{"messages":[{"role":"MESSAGE_ROLE_USER"},{"role":"user","parts":[]}]}',
      "messages[1].role",
      `must be one of ${["SYSTEM", "DEVELOPER", "USER", "ASSISTANT", "TOOL"].map((role) => `MESSAGE_ROLE_${role}`).join(", ")}`,
    ],
    ['{"messages":[{"parts":[{"image":{"data":"!"}}]}]}', "messages[0].parts[0].image.data", "must be base64"],
    [
      '{"messages":[{"parts":[{"text":{"text":"\\ud800"}}]}]}',
      "messages[0].parts[0].text.text",
      "must be text, of whole Unicode characters",
    ],
    [
      '{"messages":[{"parts":[{"text":{"text":""},"image":{}}]}]}',
      "messages[0].parts[0].image",
      "must not be there beside text",
    ],
    ['{"endUserId":"a","end_user_id":"b"}', "end_user_id", "must not be there beside endUserId"],
    ['{"sampling":{"temperature":"warm"}}', "sampling.temperature", "must be a number"],
    [
      '{"sampling":{"maxOutputTokens":-1}}',
      "sampling.max_output_tokens",
      "must be a whole number from 0 to 4294967295",
    ],
    ['{"sampling":{"seed":"1.5"}}', "sampling.seed", "must be a whole number of 64 bits, as a number or in quotes"],
    ['{"metadata":{"a":"b","c":{}}}', 'metadata["c"]', "must be text, of whole Unicode characters"],
    ['{"metadata":[]}', "metadata", "must be an object"],
    ['{"store":"yes"}', "store", "must be true or false"],
  ])("%s is told what has to be there, and where", (body, field, description) => {
    const { message, extras } = complaint(body);
    expect(extras.fields).toEqual([{ field, description }]);
    expect(message).toBe(
      `the message is not execution.v1.ChatRequest in canonical ProtoJSON: ${field === "" ? "" : `${field} `}${description}`,
    );
  });

  test("a time is told as one", () => {
    const decode = () => decodeJson(CostsRequestSchema, parseJson('{"startTime":"yesterday"}'));
    expect(failureOf(decode)?.extras.fields).toEqual([
      { field: "start_time", description: "must be a time, such as 2026-11-26T00:00:00Z" },
    ]);
  });

  test("is found wherever it is: whatever the decoder refuses has a place", () => {
    fc.assert(
      fc.property(
        fc.record({
          messages: fc.array(
            fc.record(
              { role: fc.constantFrom("MESSAGE_ROLE_USER", 3, 99, "x", null, true, 1.5), name: fc.anything() },
              { requiredKeys: [] },
            ),
          ),
          metadata: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.json())),
          sampling: fc.record({ seed: fc.anything(), stop: fc.anything() }, { requiredKeys: [] }),
        }),
        (value) => {
          const body = JSON.stringify(value);
          const failure = failureOf(() => decodeJson(ChatRequestSchema, parseJson(body)));
          if (failure !== undefined) expect(failure.extras.fields?.[0]?.field).not.toBe("");
        },
      ),
    );
  });

  // Mutant seen red: values given to the decoder one by one without an end.
  test("is looked for among 10,000 values that only the decoder can judge, and no more", () => {
    const images = (count: number): string => Array(count).fill('{"image":{"data":"AA=="}}').join(",");
    const faultBehind = (count: number) =>
      complaint(`{"messages":[{"parts":[${images(count)}]}],"store":"yes"}`).extras.fields?.[0];
    expect(faultBehind(9_999)).toEqual({ field: "store", description: "must be true or false" });
    expect(faultBehind(10_000)).toEqual({ field: "", description: "cannot be read" });
  });
});
