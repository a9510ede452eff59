import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import type { RawJson } from "../../json-text.ts";
import { encodeJson } from "../../json-text.ts";

/** What the `anthropic-beta` header must hold for a kind of tool. */
const TOOL_BETAS: readonly (readonly [kind: RegExp, beta: string])[] = [
  [/^advisor_20260301$/, "advisor-tool-2026-03-01"],
  [/^mcp_toolset$/, "mcp-client-2025-11-20"],
  [/^computer_20251124$/, "computer-use-2025-11-24"],
  [/^computer_20250124$/, "computer-use-2025-01-24"],
  [/^(computer|bash|text_editor)_20241022$/, "computer-use-2024-10-22"],
];

/** The same for an option of the body, by what its JSON says. */
const OPTION_BETAS: readonly (readonly [option: string, says: RegExp, beta: string])[] = [
  ["context_management", /"clear_\w+"/, "context-management-2025-06-27"],
  ["context_management", /"compact_20260112"/, "compact-2026-01-12"],
];

/** The first form of the MCP connector, in which the server says which of its tools are allowed. */
const MCP_WITHOUT_TOOLSET = "mcp-client-2025-04-04";

/**
 * The betas a request needs beside those it is configured with. Features that left beta need none: files, skills, code execution, tool search,
 * prompt caching of an hour, structured outputs, instructions between messages.
 *
 * Sources, read 2026-11: the betas and types of @anthropic-ai/sdk 1.14, and platform.claude.com/docs/en: `agents-and-tools/mcp-connector`,
 * `agents-and-tools/tool-use/{advisor,computer-use}-tool`, `build-with-claude/{context-editing,compaction}`.
 */
export function neededBetas({ providerTools }: ChatRequest, options: Readonly<Record<string, RawJson>>): string[] {
  const kinds = providerTools.map(({ kind }) => kind);
  const forTools = TOOL_BETAS.filter(([kind]) => kinds.some((used) => kind.test(used))).map(([, beta]) => beta);
  const forOptions = OPTION_BETAS.filter(([option, says]) => says.test(textOf(options, option))).map(
    ([, , beta]) => beta,
  );
  const needsOldMcp = textOf(options, "mcp_servers") !== "" && !kinds.includes("mcp_toolset");
  return [...forTools, ...forOptions, ...(needsOldMcp ? [MCP_WITHOUT_TOOLSET] : [])];
}

function textOf(options: Readonly<Record<string, RawJson>>, name: string): string {
  const value = Object.hasOwn(options, name) ? options[name] : undefined;
  return value === undefined ? "" : encodeJson(value);
}
