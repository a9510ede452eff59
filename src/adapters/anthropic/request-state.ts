import type { CacheHint, Part } from "../../gen/execution/v1/content_pb.js";
import { CacheTtl } from "../../gen/execution/v1/content_pb.js";
import { isJsonObjectText, joinMembers, jsonMembers, type RawJson, rawJson } from "../../json-text.ts";
import { OWNER } from "./blocks.ts";
import type { BuildContext } from "./request-notes.ts";
import type { CacheControl } from "./request-wire.ts";

/** State of ours that a part carries, by its kind. */
export interface OwnState {
  /** A whole block as the provider wrote it, to be sent instead of the part. */
  readonly block?: RawJson;
  /** Signature of the thinking the part holds. */
  readonly signature?: string;
  /** Thinking the provider hides. */
  readonly redactedThinking?: string;
}

/** Reads a part's state. What is another vendor's, or of a kind this wire does not know, is left out with a warning. */
export function ownState(part: Part, path: string, context: BuildContext): OwnState {
  const found: { block?: RawJson; signature?: string; redactedThinking?: string } = {};
  for (const [index, { owner, kind, data }] of part.providerState.entries()) {
    const field = `${path}.provider_state[${index}]`;
    const text = new TextDecoder().decode(data);
    if (owner !== OWNER) context.ignored(field, `it is ${owner}'s, and ${OWNER} serves this request`);
    else if (kind === "block" && isJsonObjectText(text)) found.block = cachedBlock(text, part.cacheHint);
    else if (kind === "signature") found.signature = text;
    else if (kind === "redacted_thinking") found.redactedThinking = text;
    // Of the request, not of its message: see `waitingContainer`.
    else if (kind === "container") continue;
    else context.ignored(field, `${OWNER} knows no state "${kind}" on this wire`);
  }
  return found;
}

function cachedBlock(text: string, hint: CacheHint | undefined): RawJson {
  if (hint === undefined) return rawJson(text);
  const members = new Map(jsonMembers(text));
  members.set("cache_control", JSON.stringify(cacheControl(hint)));
  return rawJson(joinMembers(members));
}

/** A cache hint as the wire writes it. */
function cacheControl({ ttl }: CacheHint): CacheControl {
  if (ttl === CacheTtl.UNSPECIFIED) return { type: "ephemeral" };
  return { type: "ephemeral", ttl: ttl === CacheTtl.ONE_HOUR ? "1h" : "5m" };
}

/** The member that asks for the prompt to be cached up to here, if that is asked for. */
export function cacheField(hint: CacheHint | undefined): { cache_control?: CacheControl } {
  return hint === undefined ? {} : { cache_control: cacheControl(hint) };
}
