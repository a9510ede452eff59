import { type ChatEvent, chatEvent, type Place } from "../../contract/events.ts";
import type { Citation } from "../../gen/execution/v1/content_pb.js";
import { asCount, asText, type JsonObject } from "../json.ts";

/**
 * Reads a citation of a text block: `char_location`, `page_location`, `content_block_location` (a document of the request),
 * `search_result_location`, `web_search_result_location`. Where in the source it is stays in `raw_json`, the citation as it was written: the
 * contract's indices are of the answer's text, which this API does not give.
 */
export function readCitation(citation: JsonObject, written: string): Citation {
  const source = asText(citation.source).toWellFormed();
  const documentIndex = asCount(citation.document_index);
  return {
    $typeName: "execution.v1.Citation",
    url: asText(citation.url).toWellFormed() || (/^https?:\/\//.test(source) ? source : ""),
    title: (asText(citation.title) || asText(citation.document_title)).toWellFormed(),
    citedText: asText(citation.cited_text).toWellFormed(),
    ...(documentIndex !== undefined && { documentIndex }),
    sourceId: asText(citation.file_id).toWellFormed() || source,
    rawJson: written,
  };
}

/** The event of a citation. */
export function citationEvent(place: Place, citation: Citation): ChatEvent {
  return chatEvent({ case: "citation", value: { $typeName: "execution.v1.CitationEvent", ...place, citation } });
}
