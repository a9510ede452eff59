import type {
  Base64ImageSource,
  DocumentBlockParam,
  ImageBlockParam,
} from "@anthropic-ai/sdk/resources/messages/messages";
import { Capability } from "../../gen/execution/v1/capabilities_pb.js";
import {
  type DocumentPart,
  ImageDetail,
  type ImagePart,
  type ProviderFilePart,
} from "../../gen/execution/v1/content_pb.js";
import { invalidField } from "../notes.ts";
import { OWNER } from "./blocks.ts";
import { type BuildContext, cannotCarry } from "./request-notes.ts";
import type { DocumentBlock, ImageBlock } from "./request-wire.ts";

type ImageType = Base64ImageSource["media_type"];

const IMAGE_TYPES: Readonly<Record<string, ImageType>> = {
  "image/jpeg": "image/jpeg",
  // No registered type, but what many programs call it.
  "image/jpg": "image/jpeg",
  "image/png": "image/png",
  "image/gif": "image/gif",
  "image/webp": "image/webp",
};

/** Builds an image. Throws CAPABILITY_MISSING for one of a type the wire does not take. */
export function imageBlock({ source, mimeType, detail }: ImagePart, path: string, context: BuildContext): ImageBlock {
  if (detail === ImageDetail.LOW || detail === ImageDetail.HIGH) {
    context.ignored(`${path}.detail`, `${OWNER} looks at images in one resolution`);
  }
  return { type: "image", source: imageSource(source, mimeType, path) };
}

function imageSource(source: ImagePart["source"], mimeType: string, path: string): ImageBlockParam["source"] {
  if (source.case === "url") return { type: "url", url: source.value };
  if (source.case === undefined) throw invalidField(path, "needs a source");
  const type = Object.hasOwn(IMAGE_TYPES, mimeType) ? IMAGE_TYPES[mimeType] : undefined;
  if (type === undefined) throw cannotCarry(path, `image of type ${mimeType}`, Capability.IMAGE_INPUT);
  return { type: "base64", media_type: type, data: toBase64(source.value) };
}

/** Builds a document. Its file name goes as title where it has none. Throws CAPABILITY_MISSING for one that is neither PDF nor text. */
export function documentBlock(document: DocumentPart, path: string, context: BuildContext): DocumentBlock {
  const { filename, context: notes, citations } = document;
  const title = document.title || filename;
  if (filename !== "" && filename !== title) context.ignored(`${path}.filename`, `${OWNER} takes a title only`);
  return {
    type: "document",
    source: documentSource(document, path),
    ...(title !== "" && { title }),
    ...(notes !== "" && { context: notes }),
    ...(citations && { citations: { enabled: true } }),
  };
}

function documentSource({ source, mimeType }: DocumentPart, path: string): DocumentBlockParam["source"] {
  switch (source.case) {
    case "url":
      return { type: "url", url: source.value };
    case "text":
      return { type: "text", media_type: "text/plain", data: source.value };
    case "data":
      if (mimeType === "application/pdf") {
        return { type: "base64", media_type: "application/pdf", data: toBase64(source.value) };
      }
      if (mimeType.startsWith("text/")) {
        return { type: "text", media_type: "text/plain", data: decodeText(source.value, path) };
      }
      throw cannotCarry(path, `document of type ${mimeType}`, Capability.DOCUMENT_INPUT);
    default:
      throw invalidField(path, "needs a source");
  }
}

function decodeText(data: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(data);
  } catch {
    throw invalidField(`${path}.data`, "must be UTF-8 where the document is text");
  }
}

/** Builds a file that was uploaded to Anthropic: an image by its media type, else a document. Throws INVALID_FIELD for another vendor's. */
export function fileBlock({ owner, fileId, mimeType }: ProviderFilePart, path: string): ImageBlock | DocumentBlock {
  if (owner !== OWNER) {
    throw invalidField(`${path}.owner`, `is ${owner}, but ${OWNER} serves this request; upload it there`);
  }
  const source = { type: "file", file_id: fileId } as const;
  return mimeType.startsWith("image/") ? { type: "image", source } : { type: "document", source };
}

function toBase64(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
}
