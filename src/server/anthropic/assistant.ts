import { create } from "@bufbuild/protobuf";
import { type Citation, CitationSchema, Executor } from "../../gen/execution/v1/content_pb.js";
import { asBoolean, asJsonObject, asList, asName, asObject, asText, type Field, refuse } from "../edge/fields.ts";
import { type PartInit, stateOf, textPart } from "../edge/parts.ts";
import { type Block, blockState, cacheHint, OWNER, openBlock, rawPart } from "./blocks.ts";

/** Reads the content of an assistant's turn: a text, or a list of blocks, each of which becomes a part. */
export function readAssistantContent(field: Field): PartInit[] {
  if (typeof field.value === "string") return [textPart(asText(field))];
  if (!Array.isArray(field.value)) refuse(field.path, "must be a string or a list of blocks");
  return asList(field).map(readAssistantBlock);
}

/**
 * Text, thinking and calls of the caller's tools are read; calls and results of the provider's tools are read as far as others may want to see
 * them, and kept as they were written besides; any other block is only kept.
 */
function readAssistantBlock(field: Field): PartInit {
  const block = openBlock(field);
  switch (block.type) {
    case "text":
      return readText(block);
    case "thinking":
      return readThinking(block);
    case "redacted_thinking":
      return { providerState: [readState(block, "redacted_thinking", "data")] };
    case "tool_use":
      return readToolUse(block);
    case "tool_result":
      return refuse(`${field.path}.type`, "belongs in user messages");
    default:
      return readOther(block);
  }
}

function readText({ fields }: Block): PartInit {
  const text = asText(fields.need("text"));
  const citations = fields.take("citations");
  const hint = cacheHint(fields);
  fields.close();
  const value = { text, citations: citations === undefined ? [] : asList(citations).map(readCitation) };
  return { kind: { case: "text", value }, ...hint };
}

/** A citation is kept as it was written; what the contract has fields for is read too. Its indices are of the source, not of the text. */
function readCitation(field: Field): Citation {
  asObject(field);
  const members = new Map<string, unknown>(Object.entries(Object(field.value)));
  const text = (...names: string[]): string =>
    (names.map((name) => members.get(name)).find((value) => isText(value) && value !== "") as string | undefined) ?? "";
  const source = text("source");
  const documentIndex = members.get("document_index");
  return create(CitationSchema, {
    url: text("url") || (/^https?:\/\//.test(source) ? source : ""),
    title: text("title", "document_title"),
    citedText: text("cited_text"),
    sourceId: text("file_id") || source,
    ...(isCount(documentIndex) && { documentIndex }),
    rawJson: field.raw(),
  });
}

const isText = (value: unknown): value is string => typeof value === "string" && value.isWellFormed();
const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffffffff;

/** Thinking that is not shown has no text, and so no kind, as in the events of its answer. */
function readThinking(block: Block): PartInit {
  const text = asText(block.fields.need("thinking"));
  const providerState = [readState(block, "signature", "signature")];
  return { ...(text !== "" && { kind: { case: "reasoning", value: { text } } }), providerState };
}

function readState({ fields }: Block, kind: string, member: string) {
  const state = stateOf(OWNER, kind, asText(fields.need(member)));
  fields.close();
  return state;
}

function readToolUse({ field, fields }: Block): PartInit {
  const value = {
    id: asName(fields.need("id")),
    name: asName(fields.need("name")),
    argumentsJson: asJsonObject(fields.need("input")),
    executor: Executor.CALLER,
  };
  const hint = cacheHint(fields);
  const isMore = fields.rest().length > 0;
  return { kind: { case: "toolCall", value }, ...(isMore && { providerState: [blockState(field)] }), ...hint };
}

function readOther(block: Block): PartInit {
  const { field, fields, type } = block;
  const providerState = [blockState(field)];
  if (type.endsWith("_tool_use")) {
    const value = {
      id: asName(fields.need("id")),
      name: asName(fields.need("name")),
      argumentsJson: asJsonObject(fields.need("input")),
      executor: Executor.PROVIDER,
    };
    return { kind: { case: "toolCall", value }, providerState, ...cacheHint(fields) };
  }
  const answers = fields.take("tool_use_id");
  if (answers === undefined) return rawPart(block);
  const isError = fields.take("is_error");
  const content = fields.take("content");
  const value = {
    toolCallId: asName(answers),
    parts: content === undefined ? [] : readableTexts(content).map(textPart),
    isError: (isError !== undefined && asBoolean(isError)) || isErrorContent(content),
    executor: Executor.PROVIDER,
  };
  return { kind: { case: "toolResult", value }, providerState, ...cacheHint(fields) };
}

function isErrorContent(content: Field | undefined): boolean {
  const { type } = Object(content?.value) as { type?: unknown };
  return typeof type === "string" && type.endsWith("_error");
}

/** The texts of a result, or what was written where it has none. */
function readableTexts(content: Field): string[] {
  const blocks: readonly unknown[] = Array.isArray(content.value) ? content.value : [content.value];
  const texts = blocks.map((block) => (typeof block === "string" ? block : (Object(block) as { text?: unknown }).text));
  return texts.length > 0 && texts.every(isText) ? texts : [content.raw()];
}
