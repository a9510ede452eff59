import type { RecordedCase } from "../../support/recordings.ts";

interface WireBlock {
  readonly type: string;
  readonly tool_use_id?: string;
}

/** What Anthropic and MCP servers ran, counted in the body as it was recorded. */
export function providerRun({ row, body }: RecordedCase): { readonly calls: number; readonly results: number } {
  const text = Buffer.from(body).toString("utf8");
  const blocks = row.stream ? startedBlocks(text) : ((JSON.parse(text) as { content?: WireBlock[] }).content ?? []);
  return {
    calls: blocks.filter(({ type }) => type === "server_tool_use" || type === "mcp_tool_use").length,
    results: blocks.filter(({ tool_use_id }) => tool_use_id !== undefined).length,
  };
}

function startedBlocks(text: string): WireBlock[] {
  const starts = text.split(/\r?\n/).filter((line) => /^data: ?\{"type": ?"content_block_start"/.test(line));
  return starts.map((line) => (JSON.parse(line.slice("data:".length)) as { content_block: WireBlock }).content_block);
}
