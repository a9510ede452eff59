import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { ExecutionError } from "../../src/errors.ts";
import { ChatRequestSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { MAX_LISTED_BYTES, validateMessage } from "../../src/server/validate.ts";

/** How many violations are listed of a request with three empty messages, had it so many bytes. */
function listed(bytes: number): number | undefined {
  try {
    validateMessage(ChatRequestSchema, create(ChatRequestSchema, { messages: [{}, {}, {}] }), bytes);
  } catch (thrown) {
    if (thrown instanceof ExecutionError) return thrown.extras.fields?.length;
    throw thrown;
  }
  throw new Error("the request was taken");
}

test("every violation of a small message is listed, of a large one the first (mutant: always every one)", () => {
  expect(listed(MAX_LISTED_BYTES)).toBeGreaterThan(1);
  expect(listed(MAX_LISTED_BYTES + 1)).toBe(1);
});
