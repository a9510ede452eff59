import { type ChatEvent, chatEvent, type Place } from "../../contract/events.ts";
import type { TokenLogprob, TopLogprob } from "../../gen/execution/v1/chat_pb.js";
import { type Citation, ImageDetail, type ImagePart } from "../../gen/execution/v1/content_pb.js";
import { asArray, asCount, asObject, asText, asWord, type JsonObject } from "../json.ts";
import { createPieces } from "../pieces.ts";

/**
 * Reads a source the model names: an `annotation` of a message (`url_citation` of OpenAI and OpenRouter; OpenRouter's `file`, the parsed
 * content of a document), an entry of Perplexity's `search_results`, or a bare URL of `citations` (Perplexity, xAI). What the typed fields do
 * not hold stays readable in `raw_json`. Undefined for anything else.
 */
export function readCitation(source: unknown): Citation | undefined {
  return typeof source === "string" ? toCitation({ url: source }) : objectCitation(asObject(source));
}

/** The event of a source. */
export function citationEvent(place: Place, citation: Citation): ChatEvent {
  return chatEvent({ case: "citation", value: { $typeName: "execution.v1.CitationEvent", ...place, citation } });
}

function objectCitation(source: JsonObject | undefined): Citation | undefined {
  if (source === undefined) return undefined;
  const cited = asObject(source.url_citation);
  if (cited !== undefined) return toCitation(cited);
  const file = asObject(source.file);
  if (file === undefined) return toCitation({ ...source, content: source.snippet }, JSON.stringify(source));
  return toCitation({ title: file.name, id: file.hash }, JSON.stringify(source));
}

function toCitation(source: JsonObject, rawJson = ""): Citation {
  const startIndex = asCount(source.start_index);
  const endIndex = asCount(source.end_index);
  return {
    $typeName: "execution.v1.Citation",
    url: asWord(source.url),
    title: asWord(source.title),
    citedText: asWord(source.content),
    ...(startIndex !== undefined && { startIndex }),
    ...(endIndex !== undefined && { endIndex }),
    sourceId: asWord(source.id),
    rawJson,
  };
}

/** Reads a picture of `images` or of a content part: `{image_url: {url}}`, where a data URL becomes bytes. Undefined for anything else. */
export function readImage(image: unknown): ImagePart | undefined {
  const held = asObject(image)?.image_url;
  const url = typeof held === "string" ? held : asWord(asObject(held)?.url);
  if (url === "") return undefined;
  const [, mimeType = "", base64] = /^data:([^;,]*);base64,(.*)$/s.exec(url) ?? [];
  const source =
    base64 === undefined
      ? { case: "url" as const, value: url }
      : { case: "data" as const, value: Buffer.from(base64, "base64") };
  return { $typeName: "execution.v1.ImagePart", source, mimeType, detail: ImageDetail.UNSPECIFIED };
}

/** The event of a picture. */
export function imageEvent(place: Place, image: ImagePart): ChatEvent {
  return chatEvent({ case: "image", value: { $typeName: "execution.v1.ImageEvent", ...place, image } });
}

/** The sound of one answer, whole or in pieces. */
export interface AudioReader {
  /** The event of an `audio` object; undefined if it says nothing new, as the one that only says when the sound expires. */
  add(audio: JsonObject): ChatEvent | undefined;
  /** What was held back. */
  rest(): ChatEvent | undefined;
}

/** Reads `audio: {id, data, transcript}`: base64 cut anywhere, and a transcript cut anywhere. The format is the request's; nobody says it. */
export function createAudioReader(nextPlace: () => Place): AudioReader {
  const transcripts = createPieces();
  let place: Place | undefined;
  let base64 = "";
  const event = (data: Uint8Array, transcript: string, providerId: string): ChatEvent | undefined => {
    if (data.length === 0 && transcript === "" && providerId === "") return undefined;
    place ??= nextPlace();
    return chatEvent({
      case: "audio",
      value: { $typeName: "execution.v1.AudioEvent", ...place, data, mimeType: "", transcript, providerId },
    });
  };
  return {
    add: ({ id, data, transcript }) => {
      base64 += asText(data);
      const whole = base64.length - (base64.length % 4);
      const bytes = Buffer.from(base64.slice(0, whole), "base64");
      base64 = base64.slice(whole);
      return event(bytes, transcripts.next(asText(transcript)), asWord(id));
    },
    rest: () => event(Buffer.from(base64, "base64"), transcripts.rest(), ""),
  };
}

/** Reads a list of log probabilities: `logprobs.content` or `logprobs.refusal` of a choice. */
export function readLogprobs(entries: unknown): TokenLogprob[] {
  return asArray(entries).map((entry): TokenLogprob => {
    const top = asArray(asObject(entry)?.top_logprobs).map(
      (other): TopLogprob => ({ $typeName: "execution.v1.TopLogprob", ...tokenOf(other) }),
    );
    return { $typeName: "execution.v1.TokenLogprob", ...tokenOf(entry), top };
  });
}

/** The event of log probabilities. */
export function logprobsEvent(place: Place, tokens: TokenLogprob[]): ChatEvent {
  return chatEvent({ case: "logprobs", value: { $typeName: "execution.v1.LogprobsEvent", ...place, tokens } });
}

function tokenOf(entry: unknown): { token: string; logprob: number; bytes: Uint8Array } {
  const { token, logprob, bytes } = asObject(entry) ?? {};
  return {
    token: asWord(token),
    logprob: typeof logprob === "number" ? logprob : 0,
    bytes: Uint8Array.from(asArray(bytes), Number),
  };
}
