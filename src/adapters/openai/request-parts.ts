import { Capability } from "../../gen/execution/v1/capabilities_pb.js";
import {
  type AudioPart,
  type CacheHint,
  CacheTtl,
  type DocumentPart,
  ImageDetail,
  type ImagePart,
  type Part,
  type ProviderFilePart,
} from "../../gen/execution/v1/content_pb.js";
import { invalidField } from "../notes.ts";
import { type BuildContext, cannotCarry } from "./request-notes.ts";
import type { CacheControl, UserContent } from "./request-wire.ts";

/** Builds an image, document, sound or uploaded file. Throws CAPABILITY_MISSING where the server takes none. */
export function mediaContent(part: Part, path: string, context: BuildContext): UserContent {
  const content = bareContent(part, path, context);
  return withCacheHint(content, part.cacheHint, path, context);
}

/** Adds a cache hint the way the server takes it, or warns. */
export function withCacheHint<Content extends object>(
  content: Content,
  hint: CacheHint | undefined,
  path: string,
  context: BuildContext,
): Content & CacheFields {
  return hint === undefined ? content : { ...content, ...cacheFields(hint, path, context) };
}

interface CacheFields {
  cache_control?: CacheControl;
  prompt_cache_breakpoint?: { mode: "explicit" };
}

function cacheFields({ ttl }: CacheHint, path: string, { quirks, ignored }: BuildContext): CacheFields {
  if (quirks.cacheHints === "cache_control") return { cache_control: cacheControl(ttl) };
  if (quirks.cacheHints === "prompt_cache_breakpoint") {
    if (ttl !== CacheTtl.UNSPECIFIED) ignored(`${path}.cache_hint.ttl`, `${quirks.vendor} keeps its own time`);
    return { prompt_cache_breakpoint: { mode: "explicit" } };
  }
  ignored(`${path}.cache_hint`, `${quirks.vendor} takes no cache hints`);
  return {};
}

function cacheControl(ttl: CacheTtl): CacheControl {
  if (ttl === CacheTtl.UNSPECIFIED) return { type: "ephemeral" };
  return { type: "ephemeral", ttl: ttl === CacheTtl.ONE_HOUR ? "1h" : "5m" };
}

function bareContent({ kind }: Part, path: string, context: BuildContext): UserContent {
  switch (kind.case) {
    case "image":
      return imageContent(kind.value, `${path}.image`, context);
    case "document":
      return documentContent(kind.value, `${path}.document`, context);
    case "audio":
      return audioContent(kind.value, `${path}.audio`, context);
    case "providerFile":
      return fileContent(kind.value, `${path}.provider_file`, context);
    default:
      throw invalidField(
        `${path}.${kind.case ?? "provider_state"}`,
        "has no place in this message; use text, images, documents, sound or files",
      );
  }
}

const DETAIL_WORDS = {
  [ImageDetail.UNSPECIFIED]: undefined,
  [ImageDetail.AUTO]: "auto",
  [ImageDetail.LOW]: "low",
  [ImageDetail.HIGH]: "high",
} as const;

function imageContent({ source, mimeType, detail }: ImagePart, path: string, context: BuildContext): UserContent {
  const { images } = context.quirks;
  if (images === "none") throw cannotCarry(context, path, "image", Capability.IMAGE_INPUT);
  if (source.case === "url" && images === "data") throw cannotCarry(context, `${path}.url`, "URL of an image");
  const url = source.case === "data" ? dataUrl(source.value, mimeType) : required(source.value, path);
  const word = DETAIL_WORDS[detail];
  return { type: "image_url", image_url: { url, ...(word !== undefined && { detail: word }) } };
}

function documentContent(document: DocumentPart, path: string, context: BuildContext): UserContent {
  const { documents, vendor } = context.quirks;
  if (documents === "none") throw cannotCarry(context, path, "document", Capability.DOCUMENT_INPUT);
  if (document.source.case === "url" && documents === "file") {
    throw cannotCarry(context, `${path}.url`, "URL of a document");
  }
  for (const field of ["title", "context", "citations"] as const) {
    if (document[field]) context.ignored(`${path}.${field}`, `${vendor} takes a document without it`);
  }
  const { filename } = document;
  const url = documentUrl(document, path);
  if (documents === "document_url") {
    return { type: "document_url", document_url: url, ...(filename !== "" && { document_name: filename }) };
  }
  return { type: "file", file: { file_data: url, ...(filename !== "" && { filename }) } };
}

function documentUrl({ source, mimeType }: DocumentPart, path: string): string {
  if (source.case === "data") return dataUrl(source.value, mimeType);
  if (source.case === "text") return dataUrl(new TextEncoder().encode(source.value), mimeType || "text/plain");
  return required(source.value, path);
}

function audioContent({ source, mimeType }: AudioPart, path: string, context: BuildContext): UserContent {
  const { audio } = context.quirks;
  if (audio === "none") throw cannotCarry(context, path, "sound", Capability.AUDIO_INPUT);
  if (source.case === "url" && audio === "text") return { type: "input_audio", input_audio: source.value };
  if (source.case !== "data") throw cannotCarry(context, path, "sound but its bytes");
  const data = toBase64(source.value);
  if (audio === "text") return { type: "input_audio", input_audio: data };
  return { type: "input_audio", input_audio: { data, format: audioFormat(mimeType) } };
}

/** The wire's word for a media type. OpenAI knows `wav` and `mp3`; other servers know more, so the rest goes by its subtype. */
function audioFormat(mimeType: string): "wav" | "mp3" {
  const subtype = mimeType.replace(/^audio\/(x-)?/, "").replace(/;.*$/, "");
  const words: Readonly<Record<string, string>> = { mpeg: "mp3", wave: "wav", "vnd.wave": "wav" };
  return (words[subtype] ?? subtype) as "wav" | "mp3";
}

function fileContent({ owner, fileId }: ProviderFilePart, path: string, context: BuildContext): UserContent {
  const { documents, vendor } = context.quirks;
  if (owner !== vendor)
    throw invalidField(`${path}.owner`, `is ${owner}, but ${vendor} serves this request; upload it there`);
  if (documents === "none") throw cannotCarry(context, path, "uploaded file", Capability.DOCUMENT_INPUT);
  return documents === "document_url" ? { type: "file", file_id: fileId } : { type: "file", file: { file_id: fileId } };
}

function required(url: string | undefined, path: string): string {
  if (url === undefined) throw invalidField(path, "needs a source");
  return url;
}

function dataUrl(data: Uint8Array, mimeType: string): string {
  return `data:${mimeType};base64,${toBase64(data)}`;
}

function toBase64(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
}
