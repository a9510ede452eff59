import { ExecutionError } from "../../../src/errors.ts";
import type { ChatRequest } from "../../../src/gen/execution/v1/chat_pb.js";
import type { Message, Part } from "../../../src/gen/execution/v1/content_pb.js";
import { parseMessages } from "../../../src/server/anthropic/messages-request.ts";

/** Parses a body with a model, a bound and one message, and these fields. */
export function parsed(fields: Readonly<Record<string, unknown>> = {}): ChatRequest {
  const body = { model: "m", max_tokens: 10, messages: [{ role: "user", content: "hi" }], ...fields };
  return parseMessages(JSON.stringify(body)).request;
}

/** The messages of a body. */
export const messagesOf = (...messages: unknown[]): Message[] => parsed({ messages }).messages;

/** The parts of an assistant's turn of these blocks. */
export function turn(...content: unknown[]): Part[] {
  return messagesOf({ role: "assistant", content })[0]?.parts ?? [];
}

/** A part's state as `KIND TEXT`. */
export const statesOf = ({ providerState }: Part): string[] =>
  providerState.map(({ owner, kind, data }) => `${owner} ${kind} ${new TextDecoder().decode(data)}`);

/** The field at which a body is refused, and why; a text is the body itself. */
export function refused(fields: Readonly<Record<string, unknown>> | string): { field: string; why: string } {
  try {
    if (typeof fields === "string") parseMessages(fields);
    else parsed(fields);
  } catch (error) {
    if (!(error instanceof ExecutionError) || error.reason !== "INVALID_FIELD") throw error;
    const [violation] = error.extras.fields ?? [];
    return { field: violation?.field ?? "", why: violation?.description ?? "" };
  }
  throw new Error("the body was not refused");
}
