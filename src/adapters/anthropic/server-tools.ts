import { joinMembers, type RawJson, rawJson } from "../../json-text.ts";
import { asText, tryParse } from "../json.ts";

/**
 * The type that a kind without a date stands for: the newest that every model with the tool takes by itself. Newer searches and fetches filter
 * through code execution, which not every model has; a request may name them.
 *
 * Source, read 2026-11: platform.claude.com/docs/en/agents-and-tools/tool-use/tool-reference, and the tool types of @anthropic-ai/sdk 1.14.
 */
const UNDATED: Readonly<Record<string, string>> = {
  web_search: "web_search_20250305",
  web_fetch: "web_fetch_20250910",
  code_execution: "code_execution_20250825",
  tool_search_tool_bm25: "tool_search_tool_bm25_20251119",
  tool_search_tool_regex: "tool_search_tool_regex_20251119",
  bash: "bash_20250124",
  text_editor: "text_editor_20250728",
  memory: "memory_20250818",
};

/** Names that are not the type without its date. */
const NAMES: Readonly<Record<string, string>> = {
  text_editor_20241022: "str_replace_editor",
  text_editor_20250124: "str_replace_editor",
  text_editor_20250429: "str_replace_based_edit_tool",
  text_editor_20250728: "str_replace_based_edit_tool",
};

/** Types that have no name. */
const NAMELESS = /^(mcp_toolset|\w+_toolset_\d{8})$/;

/** A tool that the provider runs. */
export interface TypedTool {
  readonly tool: RawJson;
  /** What a choice of tools calls it; undefined for a server of tools, whose names only the provider knows. */
  readonly name: string | undefined;
}

/** `{"type": KIND, ...options}`, the options as they are. The one name each type takes need not be among them. */
export function typedTool(kind: string, options: ReadonlyMap<string, string>): TypedTool {
  const type = Object.hasOwn(UNDATED, kind) ? (UNDATED[kind] ?? kind) : kind;
  const given = options.get("name");
  const name = given === undefined ? nameOf(type) : asText(tryParse(given));
  return {
    name,
    tool: rawJson(
      joinMembers([
        ["type", JSON.stringify(type)],
        ...(given !== undefined || name === undefined ? [] : [["name", JSON.stringify(name)] as const]),
        ...options,
      ]),
    ),
  };
}

function nameOf(type: string): string | undefined {
  if (NAMELESS.test(type)) return undefined;
  // The caller's word may be one that every object has, such as `constructor`.
  return (Object.hasOwn(NAMES, type) ? NAMES[type] : undefined) ?? type.replace(/_\d{8}$/, "");
}
