import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { mintId } from "../../../src/adapters/gemini/call-ids.ts";
import { OWNER } from "../../../src/adapters/gemini/content.ts";
import {
  Executor,
  type Message,
  MessageRole,
  MessageSchema,
  type PartSchema,
} from "../../../src/gen/execution/v1/content_pb.js";
import type { JsonValue } from "../../emulators/exchange.ts";
import { isObject, type JsonObject } from "../shared/json.ts";

type PartInit = MessageInitShape<typeof PartSchema>;

/** A text member; empty if it is absent. Recorded clients write names in camel or in snake case. */
export function textAt(object: JsonObject, name: string): string {
  const value = memberAt(object, name);
  return typeof value === "string" ? value : "";
}

/** A member by its name in camel case, also if it was written in snake case. */
export function memberAt(object: JsonObject, name: string): JsonValue | undefined {
  return object[name] ?? object[snakeCase(name)];
}

/** `thinkingConfig` as `thinking_config`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The objects of a list; none if it is no list. */
export function objectsAt(object: JsonObject, name: string): JsonObject[] {
  const list = memberAt(object, name);
  return (Array.isArray(list) ? list : []).filter(isObject);
}

const KNOWN = ["text", "thought", "thoughtSignature", "functionCall", "function_call"];

/**
 * The contents of a recorded body as messages: the opposite of the adapter's builder, for the tests only. A content of results alone is a tool
 * message; what a model's part holds beyond text, thoughts and functions is state, as the adapter leaves it. Calls without ids get one that the
 * adapter does not send, and results without ids take those of the calls before them in their order.
 */
export function contentsToMessages(contents: readonly JsonObject[]): Message[] {
  let minted = 0;
  const waiting: { readonly id: string; readonly name: string }[] = [];
  const newId = (): string => mintId(() => String(++minted));

  const modelPart = (part: JsonObject): PartInit => {
    const signature = textAt(part, "thoughtSignature");
    const providerState = signature === "" ? [] : [stateOf("thought_signature", signature)];
    const called = memberAt(part, "functionCall");
    if (Object.keys(part).some((key) => !KNOWN.includes(key))) {
      const { thoughtSignature: _, ...rest } = part;
      return { providerState: [stateOf("part", JSON.stringify(rest)), ...providerState] };
    }
    if (isObject(called)) {
      const id = textAt(called, "id") || newId();
      const name = textAt(called, "name");
      waiting.push({ id, name });
      const value = { id, name, argumentsJson: JSON.stringify(called.args ?? {}), executor: Executor.CALLER };
      return { kind: { case: "toolCall", value }, providerState };
    }
    const text = textAt(part, "text");
    if (part.thought === true) return { kind: { case: "reasoning", value: { text } }, providerState };
    return { kind: { case: "text", value: { text } }, providerState };
  };

  const resultPart = (response: JsonObject): PartInit => {
    const name = textAt(response, "name");
    const index = waiting.findIndex((call) => call.name === name);
    const [call] = index < 0 ? [] : waiting.splice(index, 1);
    const text = JSON.stringify(response.response ?? {});
    const toolCallId = textAt(response, "id") || (call?.id ?? newId());
    return {
      kind: { case: "toolResult", value: { toolCallId, name, parts: [{ kind: { case: "text", value: { text } } }] } },
    };
  };

  const userPart = (part: JsonObject): PartInit => {
    const response = memberAt(part, "functionResponse");
    return isObject(response) ? resultPart(response) : mediaPart(part);
  };

  return contents.map((content) => {
    const parts = objectsAt(content, "parts");
    if (content.role === "model") {
      return create(MessageSchema, { role: MessageRole.ASSISTANT, parts: parts.map(modelPart) });
    }
    const isResults = parts.length > 0 && parts.every((part) => memberAt(part, "functionResponse") !== undefined);
    return create(MessageSchema, { role: isResults ? MessageRole.TOOL : MessageRole.USER, parts: parts.map(userPart) });
  });
}

function stateOf(kind: string, text: string) {
  return { owner: OWNER, kind, data: new TextEncoder().encode(text) };
}

function mediaPart(part: JsonObject): PartInit {
  const blob = memberAt(part, "inlineData");
  const file = memberAt(part, "fileData");
  if (isObject(blob)) {
    const mimeType = textAt(blob, "mimeType");
    const data = new Uint8Array(Buffer.from(textAt(blob, "data"), "base64"));
    const value = { source: { case: "data" as const, value: data }, mimeType };
    return { kind: { case: mimeType.startsWith("image/") ? "image" : "document", value } };
  }
  if (isObject(file)) {
    const source = { case: "url" as const, value: textAt(file, "fileUri") };
    return { kind: { case: "image", value: { source, mimeType: textAt(file, "mimeType") } } };
  }
  return { kind: { case: "text", value: { text: textAt(part, "text") } } };
}
