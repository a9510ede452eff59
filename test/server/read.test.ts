import { describe, expect, test } from "@jest/globals";
import { ExecutionError } from "../../src/errors.ts";
import { ChatRequestSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { decodeMessage } from "../../src/server/read.ts";

/** What is said of a body that is no ChatRequest. */
function complaint(body: string): ExecutionError {
  try {
    decodeMessage(ChatRequestSchema, Buffer.from(body), "json");
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

  test.each([
    ['{"messages":5}', "messages", "cannot decode field execution.v1.ChatRequest.messages from JSON: expected Array"],
    ['{"mesages":[]}', "", 'cannot decode message execution.v1.ChatRequest from JSON: key "mesages" is unknown'],
    [
      '{"messages":[{"parts":[{"image":{"data":"!"}}]}]}',
      "data",
      "cannot decode field execution.v1.ImagePart.data from JSON: invalid base64 string",
    ],
    [
      '{"sampling":{"temperature":"warm"}}',
      "temperature",
      "cannot decode field execution.v1.Sampling.temperature from JSON: expected number (float64)",
    ],
  ])("%s is told what is wrong, and where", (body, field, description) => {
    expect(complaint(body).extras.fields).toEqual([{ field, description }]);
  });
});
