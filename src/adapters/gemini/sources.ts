import { type ChatEvent, chatEvent, type Place } from "../../contract/events.ts";
import type { Citation } from "../../gen/execution/v1/content_pb.js";
import { asArray, asCount, asObject, asText, asWord, type JsonObject } from "../json.ts";
import { createKept, ENTRY_COST, type Kept } from "../kept.ts";

/** The sources an answer names. */
export interface Sources {
  /** Searches that were made for the answer. */
  readonly queries: () => number;
  /** Takes a candidate and returns the sources that it names and none before it did: metadata may come again with every chunk. */
  add(candidate: JsonObject): readonly Citation[];
}

/** What of a source the typed fields hold. */
interface Known {
  readonly uri?: unknown;
  readonly title?: unknown;
  readonly text?: unknown;
  readonly id?: unknown;
  readonly startIndex?: unknown;
  readonly endIndex?: unknown;
}

/**
 * Collects sources: passages that `groundingSupports` ascribe to `groundingChunks`, chunks that no passage names, `citationMetadata` (called
 * `citationSources` by the Gemini API, `citations` by Vertex AI), and pages of `urlContextMetadata`, whatever came of reading them. Offsets are
 * bytes of the part's text. `raw_json` holds the provider's own object, of a passage `{groundingSupport, groundingChunk}`.
 */
export function createSources(kept: Kept): Sources {
  const seen = new Set<string>();
  const queries = new Set<string>();
  const isNew = (known: Set<string>, text: string): boolean => {
    if (known.has(text)) return false;
    kept.add(ENTRY_COST + text.length);
    known.add(text);
    return true;
  };
  return {
    queries: () => queries.size,
    add: (candidate) => {
      // Most chunks, of which there is one for a few tokens.
      if (!METADATA.some((name) => name in candidate)) return NONE;
      const grounding = asObject(candidate.groundingMetadata);
      for (const query of asArray(grounding?.webSearchQueries)) isNew(queries, asText(query));
      const found: Citation[] = [];
      // Few chunks and passages can name each other often, and each time is written out: that is counted too.
      const written = createKept();
      for (const citation of citationsOf(candidate, grounding)) {
        written.add(citation.rawJson.length);
        if (isNew(seen, citation.rawJson)) found.push(citation);
      }
      return found;
    },
  };
}

const METADATA = ["groundingMetadata", "citationMetadata", "urlContextMetadata"] as const;
const NONE: readonly Citation[] = [];

function* citationsOf(candidate: JsonObject, grounding: JsonObject | undefined): Iterable<Citation> {
  if (grounding !== undefined) yield* groundingCitations(grounding);
  yield* metadataCitations(asObject(candidate.citationMetadata));
  yield* pages(asObject(candidate.urlContextMetadata));
}

/** The event of a source. */
export function citationEvent(place: Place, citation: Citation): ChatEvent {
  return chatEvent({ case: "citation", value: { $typeName: "execution.v1.CitationEvent", ...place, citation } });
}

function* groundingCitations(grounding: JsonObject): Iterable<Citation> {
  const chunks = asArray(grounding.groundingChunks).map(asObject);
  const named = new Set<number>();
  for (const entry of asArray(grounding.groundingSupports)) {
    const support = asObject(entry) ?? {};
    const { startIndex, endIndex } = asObject(support.segment) ?? {};
    for (const index of new Set(asArray(support.groundingChunkIndices).map(asCount))) {
      const chunk = chunks[index ?? -1];
      if (index === undefined || chunk === undefined) continue;
      named.add(index);
      const raw = { groundingSupport: support, groundingChunk: chunk };
      // An offset of 0 is left out on this wire.
      yield toCitation({ ...sourceOf(chunk), startIndex: startIndex ?? 0, endIndex }, raw);
    }
  }
  for (const [index, chunk] of chunks.entries()) {
    if (chunk !== undefined && !named.has(index)) yield toCitation(sourceOf(chunk), chunk);
  }
}

/** A chunk has one member, whose kind is its key: `web`, `retrievedContext`, `maps`, `image` ... */
function sourceOf(chunk: JsonObject): Known {
  const source = asObject(Object.values(chunk)[0]) ?? {};
  return { uri: source.uri ?? source.sourceUri, title: source.title, text: source.text, id: source.placeId };
}

function metadataCitations(metadata: JsonObject | undefined): Citation[] {
  const listed = [...asArray(metadata?.citationSources), ...asArray(metadata?.citations)];
  return listed.flatMap((entry) => {
    const source = asObject(entry);
    return source === undefined ? [] : [toCitation(source, source)];
  });
}

function pages(metadata: JsonObject | undefined): Citation[] {
  return asArray(metadata?.urlMetadata).flatMap((entry) => {
    const page = asObject(entry);
    return page === undefined ? [] : [toCitation({ uri: page.retrievedUrl }, page)];
  });
}

function toCitation({ uri, title, text, id, startIndex, endIndex }: Known, raw: JsonObject): Citation {
  const start = asCount(startIndex);
  const end = asCount(endIndex);
  return {
    $typeName: "execution.v1.Citation",
    url: asWord(uri),
    title: asWord(title),
    citedText: asWord(text),
    ...(start !== undefined && { startIndex: start }),
    ...(end !== undefined && { endIndex: end }),
    sourceId: asWord(id),
    rawJson: JSON.stringify(raw),
  };
}
