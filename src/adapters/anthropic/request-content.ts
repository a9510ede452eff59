import { Capability } from "../../gen/execution/v1/capabilities_pb.js";
import type { Message, Part, ToolResultPart } from "../../gen/execution/v1/content_pb.js";
import type { RawJson } from "../../json-text.ts";
import { invalidField } from "../notes.ts";
import { OWNER } from "./blocks.ts";
import { documentBlock, fileBlock, imageBlock } from "./request-media.ts";
import { type BuildContext, cannotCarry } from "./request-notes.ts";
import { cacheField, ownState } from "./request-state.ts";
import type { ResultContent, TextBlock, ToolResultBlock, WireBlock } from "./request-wire.ts";

/** One text without a hint stands for itself; anything else is a list. */
export function compact<Block extends object>(blocks: readonly Block[]): string | Block[] {
  const [only] = blocks;
  return blocks.length === 1 && isPlainText(only) ? only.text : [...blocks];
}

function isPlainText(block: unknown): block is TextBlock {
  if (typeof block !== "object" || block === null || !("type" in block) || block.type !== "text") return false;
  return Object.keys(block).length === 2;
}

/** Warns of a participant's name: the wire has no place for one. */
export function ignoreName({ name }: Message, path: string, { ignored }: BuildContext): void {
  if (name !== "") ignored(`${path}.name`, `${OWNER} knows no names of participants`);
}

/** The block of the provider's own that a part carries. Thinking, which has its place in assistant messages only, is left out with a warning. */
function ownBlock(part: Part, path: string, context: BuildContext): RawJson | undefined {
  const { block, signature, redactedThinking } = ownState(part, path, context);
  if (signature !== undefined || redactedThinking !== undefined) {
    context.ignored(`${path}.provider_state`, "thinking goes back in assistant messages only");
  }
  return block;
}

/** A part of the first instructions: text. Throws INVALID_FIELD for anything else. */
export function systemBlocks(part: Part, path: string, context: BuildContext): TextBlock[] {
  if (ownBlock(part, path, context) !== undefined) {
    context.ignored(`${path}.provider_state`, "the first instructions hold text only");
  }
  return textBlocks(part, path, context);
}

/** A part of later instructions: text, or what the provider wrote as a block of its own. Throws INVALID_FIELD for anything else. */
export function instructionBlocks(part: Part, path: string, context: BuildContext): (TextBlock | RawJson)[] {
  const block = ownBlock(part, path, context);
  return block === undefined ? textBlocks(part, path, context) : [block];
}

/** A text part with its cache hint; empty text is none, because the wire refuses it. Throws INVALID_FIELD for anything but text. */
function textBlocks(part: Part, path: string, context: BuildContext): TextBlock[] {
  if (part.kind.case !== "text") {
    throw invalidField(`${path}.${part.kind.case ?? "provider_state"}`, "has no place in this message; use text");
  }
  const { text } = part.kind.value;
  if (text === "") {
    context.ignored(`${path}.text`, `${OWNER} takes no empty text`);
    return [];
  }
  return [{ type: "text", text, ...cacheField(part.cacheHint) }];
}

/** A part of a user message, or of a tool's result: what the provider once wrote as a block of its own goes as that. */
export function contentBlocks(part: Part, path: string, context: BuildContext): ResultContent[] {
  const block = ownBlock(part, path, context);
  if (block !== undefined) return [block];
  const { kind, cacheHint } = part;
  switch (kind.case) {
    case "text":
      return textBlocks(part, path, context);
    case "image":
      return [{ ...imageBlock(kind.value, `${path}.image`, context), ...cacheField(cacheHint) }];
    case "document":
      return [{ ...documentBlock(kind.value, `${path}.document`, context), ...cacheField(cacheHint) }];
    case "providerFile":
      return [{ ...fileBlock(kind.value, `${path}.provider_file`), ...cacheField(cacheHint) }];
    case "audio":
      throw cannotCarry(`${path}.audio`, "sound", Capability.AUDIO_INPUT);
    case undefined:
      return [];
    default:
      throw invalidField(`${path}.${kind.case}`, "has no place in this message; use text, images, documents or files");
  }
}

/** The results of a tool message. Throws INVALID_FIELD for anything else in it. */
export function resultBlocks({ parts }: Message, path: string, context: BuildContext): WireBlock[] {
  return parts.map((part, index) => {
    const field = `${path}.parts[${index}]`;
    const block = ownBlock(part, field, context);
    if (block !== undefined) return block;
    if (part.kind.case !== "toolResult") {
      throw invalidField(
        `${field}.${part.kind.case ?? "provider_state"}`,
        "has no place in a tool message; use tool_result",
      );
    }
    return { ...resultBlock(part.kind.value, `${field}.tool_result`, context), ...cacheField(part.cacheHint) };
  });
}

function resultBlock(
  { toolCallId, parts, isError }: ToolResultPart,
  path: string,
  context: BuildContext,
): ToolResultBlock {
  const content = resultContent(parts, path, context);
  return {
    type: "tool_result",
    tool_use_id: toolCallId,
    ...(content !== undefined && { content }),
    ...(isError && { is_error: true }),
  };
}

function resultContent(
  parts: readonly Part[],
  path: string,
  context: BuildContext,
): string | ResultContent[] | undefined {
  const [only] = parts;
  if (only === undefined) return undefined;
  // A result may be the empty text, though none of its blocks may.
  if (parts.length === 1 && only.kind.case === "text" && only.kind.value.text === "") return "";
  return compact(parts.flatMap((part, index) => contentBlocks(part, `${path}.parts[${index}]`, context)));
}
