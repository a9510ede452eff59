import type { Message, Part } from "../../gen/execution/v1/content_pb.js";
import { invalidField } from "../notes.ts";
import type { BuildContext } from "./request-notes.ts";
import { withCacheHint } from "./request-parts.ts";
import type { TextContent } from "./request-wire.ts";

/** The participant's name, where the server takes one. */
export function participant({ name }: Message, path: string, { quirks, ignored }: BuildContext): { name?: string } {
  if (name === "") return {};
  if (quirks.participantNames) return { name };
  ignored(`${path}.name`, `${quirks.vendor} knows no names of participants`);
  return {};
}

/** One text without a hint stands for itself, and nothing is the empty text; anything else is a list. */
export function compact<Content>(contents: readonly (Content | TextContent)[]): string | (Content | TextContent)[] {
  if (contents.length === 0) return "";
  const [only] = contents;
  const alone = contents.length === 1 && isPlainText(only) ? only.text : undefined;
  return alone ?? [...contents];
}

function isPlainText(content: unknown): content is TextContent {
  if (typeof content !== "object" || content === null || !("type" in content) || content.type !== "text") return false;
  return !("cache_control" in content || "prompt_cache_breakpoint" in content);
}

/** A text part with its cache hint. Throws INVALID_FIELD for anything else. */
export function textContent(part: Part, path: string, context: BuildContext): TextContent {
  if (part.kind.case !== "text") {
    throw invalidField(`${path}.${part.kind.case ?? "provider_state"}`, "has no place in this message; use text");
  }
  return withCacheHint({ type: "text", text: part.kind.value.text }, part.cacheHint, path, context);
}

/** Warns of provider state where there is no place for it. */
export function ignoreState(part: Part, path: string, context: BuildContext): void {
  for (const [index] of part.providerState.entries()) {
    context.ignored(`${path}.provider_state[${index}]`, "state goes back in assistant messages only");
  }
}
