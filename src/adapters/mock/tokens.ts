import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import type { Part } from "../../gen/execution/v1/content_pb.js";

/** Characters of a word that make one piece, and so one token. */
const PIECE_CHARACTERS = 8;

/** What an image, a sound or a document that is not text counts. */
export const MEDIA_TOKENS = 100;

/** Input of one request by bucket. The buckets are disjoint. */
export interface InputTokens {
  readonly text: number;
  readonly image: number;
  readonly audio: number;
  /** Everything up to the last cache hint: the mock's cache is always warm. */
  readonly cached: number;
}

/** Splits text into words with the white space before them, longer words every 8 characters. The pieces join to the text; none splits a character. */
export function splitPieces(text: string): readonly string[] {
  return text.match(PIECE) ?? [];
}

const PIECE = new RegExp(`\\s*\\S{1,${PIECE_CHARACTERS}}|\\s+`, "gu");

/** Counts tokens: one a word, one more for each further 8 characters of it; white space is free. */
export function countTokens(text: string): number {
  let tokens = 0;
  let characters = 0;
  // By code units, since texts may have millions; the second half of a pair is no character of its own.
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (isSpace(code)) characters = 0;
    else if (!isSecondHalf(text, at, code)) {
      if (characters % PIECE_CHARACTERS === 0) tokens += 1;
      characters += 1;
    }
  }
  return tokens;
}

function isSpace(code: number): boolean {
  return code <= 0x20 ? code === 0x20 || (code >= 0x09 && code <= 0x0d) : code >= 0xa0 && isWideSpace(code);
}

function isWideSpace(code: number): boolean {
  return String.fromCharCode(code).trim() === "";
}

function isSecondHalf(text: string, at: number, code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff && at > 0 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800;
}

/** Counts a request: tools and the answer's schema first, then one token a message and its parts. Without `caching` nothing is cached. */
export function countInput(request: ChatRequest, caching: boolean): InputTokens {
  const counted = { text: 0, image: 0, audio: 0, cached: 0 };
  const cacheSoFar = (hint: object | undefined): void => {
    if (hint === undefined || !caching) return;
    counted.cached += counted.text + counted.image + counted.audio;
    counted.text = 0;
    counted.image = 0;
    counted.audio = 0;
  };
  for (const tool of request.tools) {
    counted.text += countTokens(`${tool.name} ${tool.description ?? ""} ${tool.parametersJson}`);
    cacheSoFar(tool.cacheHint);
  }
  const format = request.responseFormat?.format;
  if (format?.case === "jsonSchema") counted.text += countTokens(format.value.schemaJson);
  for (const message of request.messages) {
    counted.text += 1;
    for (const part of message.parts) {
      countPart(part, counted);
      cacheSoFar(part.cacheHint);
    }
  }
  cacheSoFar(request.cacheHint);
  return counted;
}

function countPart({ kind }: Part, counted: { text: number; image: number; audio: number }): void {
  switch (kind.case) {
    case "text":
    case "reasoning":
    case "refusal":
      counted.text += countTokens(kind.value.text);
      return;
    case "toolCall":
      counted.text += countTokens(`${kind.value.name} ${kind.value.argumentsJson}`);
      return;
    case "toolResult":
      for (const part of kind.value.parts) countPart(part, counted);
      return;
    case "image":
      counted.image += MEDIA_TOKENS;
      return;
    case "audio":
      counted.audio += MEDIA_TOKENS;
      return;
    case "document":
      counted.text += kind.value.source.case === "text" ? countTokens(kind.value.source.value) : MEDIA_TOKENS;
      return;
    case "providerFile":
      counted.text += MEDIA_TOKENS;
      return;
    default:
  }
}
