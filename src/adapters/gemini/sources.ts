import { type ChatEvent, chatEvent, type Place } from "../../contract/events.ts";
import type { Citation } from "../../gen/execution/v1/content_pb.js";
import { asArray, asCount, asObject, asText, type JsonObject } from "../json.ts";

/** The sources an answer names. */
export interface Sources {
  /** Searches that were made for the answer. */
  readonly queries: number;
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
export function createSources(): Sources {
  const seen = new Set<string>();
  const queries = new Set<string>();
  return {
    get queries() {
      return queries.size;
    },
    add: (candidate) => {
      const grounding = asObject(candidate.groundingMetadata);
      for (const query of asArray(grounding?.webSearchQueries)) queries.add(asText(query));
      const found = [
        ...(grounding === undefined ? [] : groundingCitations(grounding)),
        ...metadataCitations(asObject(candidate.citationMetadata)),
        ...pages(asObject(candidate.urlContextMetadata)),
      ];
      return found.filter(({ rawJson }) => {
        const isNew = !seen.has(rawJson);
        seen.add(rawJson);
        return isNew;
      });
    },
  };
}

/** The event of a source. */
export function citationEvent(place: Place, citation: Citation): ChatEvent {
  return chatEvent({ case: "citation", value: { $typeName: "execution.v1.CitationEvent", ...place, citation } });
}

function groundingCitations(grounding: JsonObject): Citation[] {
  const chunks = asArray(grounding.groundingChunks).map(asObject);
  const named = new Set<number>();
  const passages = asArray(grounding.groundingSupports).flatMap((entry) => {
    const support = asObject(entry) ?? {};
    const { startIndex, endIndex } = asObject(support.segment) ?? {};
    return asArray(support.groundingChunkIndices).flatMap((value) => {
      const index = asCount(value) ?? -1;
      const chunk = chunks[index];
      if (chunk === undefined) return [];
      named.add(index);
      const raw = { groundingSupport: support, groundingChunk: chunk };
      // An offset of 0 is left out on this wire.
      return [toCitation({ ...sourceOf(chunk), startIndex: startIndex ?? 0, endIndex }, raw)];
    });
  });
  const others = chunks.flatMap((chunk, index) =>
    chunk === undefined || named.has(index) ? [] : [toCitation(sourceOf(chunk), chunk)],
  );
  return [...passages, ...others];
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
    url: asText(uri),
    title: asText(title).toWellFormed(),
    citedText: asText(text).toWellFormed(),
    ...(start !== undefined && { startIndex: start }),
    ...(end !== undefined && { endIndex: end }),
    sourceId: asText(id),
    rawJson: JSON.stringify(raw),
  };
}
