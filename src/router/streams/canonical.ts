import { createHash } from "node:crypto";
import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { type ChatRequest, ChatRequestSchema } from "../../gen/execution/v1/chat_pb.js";

/**
 * SHA-256, in hex, of a request's canonical form: its ProtoJSON without `idempotencyKey`, without white space, the members of each object in the
 * order of their names' UTF-16 code units (as RFC 8785 has it). So it does not matter on which wire, in which form and in which order of
 * members a request came; the text of schemas, arguments and options counts as it is. Fields this version does not know do not count.
 */
export function hashOfRequest(request: ChatRequest): string {
  const json = toJson(ChatRequestSchema, { ...request, idempotencyKey: "" });
  return createHash("sha256").update(canonicalText(json)).digest("hex");
}

function canonicalText(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalText(value[name] ?? null)}`).join(",")}}`;
}
