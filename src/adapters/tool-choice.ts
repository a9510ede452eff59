import type { ChatRequest } from "../gen/execution/v1/chat_pb.js";
import { type ToolChoice, ToolChoiceMode } from "../gen/execution/v1/tools_pb.js";
import { invalidField } from "./notes.ts";

/** Whether one named tool has to be called. */
export const isForced = (choice: ToolChoice | undefined): boolean =>
  choice?.mode === ToolChoiceMode.REQUIRED && choice.toolNames.length === 1;

/** The tools that may be called, where a wire cannot say so but by sending no others; undefined means all, or that the wire says it. */
export function allowedTools(choice: ToolChoice | undefined): ReadonlySet<string> | undefined {
  if (choice === undefined || choice.toolNames.length === 0 || isForced(choice)) return undefined;
  if (choice.mode === ToolChoiceMode.NONE) return undefined;
  return new Set(choice.toolNames);
}

/**
 * Throws INVALID_FIELD for a choice of a tool that is not there: to leave the name out would let the model call others, or none. `provided`:
 * names of the tools that the provider runs; undefined if they are not known, since only it knows those of a server of tools.
 */
export function checkToolChoice(
  { tools, toolChoice }: Pick<ChatRequest, "tools" | "toolChoice">,
  provided: readonly string[] | undefined,
): void {
  if (toolChoice === undefined || toolChoice.mode === ToolChoiceMode.NONE || provided === undefined) return;
  const known = new Set([...tools.map(({ name }) => name), ...provided]);
  const wrong = toolChoice.toolNames.findIndex((name) => !known.has(name));
  if (wrong >= 0) throw invalidField(`tool_choice.tool_names[${wrong}]`, "is none of the tools of this request");
}

/** Throws INVALID_FIELD for two tools of one name, on a wire that refuses them. */
export function refuseSameNames({ tools }: Pick<ChatRequest, "tools">): void {
  const seen = new Set<string>();
  for (const [index, { name }] of tools.entries()) {
    if (seen.has(name)) throw invalidField(`tools[${index}].name`, "is the name of another tool of this request");
    seen.add(name);
  }
}
