import { ExecutionError } from "../../../src/errors.ts";
import type { ChatRequest } from "../../../src/gen/execution/v1/chat_pb.js";
import { parseChatCompletion } from "../../../src/server/openai/chat-completions.ts";

/** Parses a body with a model and one message, and these fields. */
export function parsed(fields: Readonly<Record<string, unknown>> = {}): ChatRequest {
  const body = { model: "m", messages: [{ role: "user", content: "hi" }], ...fields };
  return parseChatCompletion(JSON.stringify(body)).request;
}

/** The field at which a body is refused, and why; a text is the body itself. */
export function refused(fields: Readonly<Record<string, unknown>> | string): { field: string; why: string } {
  try {
    if (typeof fields === "string") parseChatCompletion(fields);
    else parsed(fields);
  } catch (error) {
    if (!(error instanceof ExecutionError) || error.reason !== "INVALID_FIELD") throw error;
    const [violation] = error.extras.fields ?? [];
    return { field: violation?.field ?? "", why: violation?.description ?? "" };
  }
  throw new Error("the body was not refused");
}
