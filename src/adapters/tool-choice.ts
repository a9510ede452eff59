import { type ToolChoice, ToolChoiceMode } from "../gen/execution/v1/tools_pb.js";

/** Whether one named tool has to be called. */
export const isForced = (choice: ToolChoice | undefined): boolean =>
  choice?.mode === ToolChoiceMode.REQUIRED && choice.toolNames.length === 1;

/** The tools that may be called, where a wire cannot say so but by sending no others; undefined means all. */
export function allowedTools(choice: ToolChoice | undefined): ReadonlySet<string> | undefined {
  if (choice === undefined || choice.toolNames.length === 0 || isForced(choice)) return undefined;
  return new Set(choice.toolNames);
}
