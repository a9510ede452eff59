import { type ChatEvent, chatEvent, type Place } from "../../contract/events.ts";
import { Executor, type Part } from "../../gen/execution/v1/content_pb.js";
import { asArray, asObject, asText, type JsonObject } from "../json.ts";

/**
 * The event of a tool result that Anthropic or an MCP server gave (`web_search_tool_result`, `mcp_tool_result` ...): its text where it has
 * text, else its content as JSON, as it was written. An error is `is_error`, or content whose type ends in `_error`.
 */
export function toolResultEvent({ step, part }: Place, block: JsonObject, content: string): ChatEvent {
  return chatEvent({
    case: "toolResult",
    value: {
      $typeName: "execution.v1.ToolResult",
      step,
      part,
      toolCallId: asText(block.tool_use_id).toWellFormed(),
      parts: (readTexts(block.content) ?? [content]).map(textPart),
      isError: block.is_error === true || asText(asObject(block.content)?.type).endsWith("_error"),
      executor: Executor.PROVIDER,
    },
  });
}

/** A text, the `text` of an object (an advisor's), or text blocks alone. */
function readTexts(content: unknown): readonly string[] | undefined {
  if (typeof content === "string") return [content];
  const said = asObject(content)?.text;
  if (typeof said === "string") return [said];
  const blocks = asArray(content).map(asObject);
  const areTexts = blocks.length > 0 && blocks.every((block) => block?.type === "text");
  return areTexts ? blocks.map((block) => asText(block?.text)) : undefined;
}

function textPart(text: string): Part {
  const value = { $typeName: "execution.v1.TextPart" as const, text: text.toWellFormed(), citations: [] };
  return { $typeName: "execution.v1.Part", kind: { case: "text", value }, providerState: [] };
}
