import { Capability } from "../../gen/execution/v1/capabilities_pb.js";
import {
  type AudioPart,
  type DocumentPart,
  ImageDetail,
  type ImagePart,
  type Part,
  type ProviderFilePart,
} from "../../gen/execution/v1/content_pb.js";
import { invalidField } from "../notes.ts";
import { OWNER } from "./content.ts";
import { type BuildContext, cannotCarry, VENDOR } from "./request-notes.ts";
import type { WireBlob, WirePart } from "./request-wire.ts";

/** Builds text, an image, a document, sound or an uploaded file. Throws CAPABILITY_MISSING for what the wire cannot carry. */
export function contentPart({ kind }: Part, path: string, context: BuildContext): WirePart {
  switch (kind.case) {
    case "text":
      return { text: kind.value.text };
    case "image":
      return imagePart(kind.value, `${path}.image`, context);
    case "document":
      return documentPart(kind.value, `${path}.document`, context);
    case "audio":
      return audioPart(kind.value, `${path}.audio`, context);
    case "providerFile":
      return filePart(kind.value, `${path}.provider_file`);
    default:
      throw invalidField(
        `${path}.${kind.case ?? "provider_state"}`,
        "has no place in this message; use text, images, documents, sound or files",
      );
  }
}

function imagePart({ source, mimeType, detail }: ImagePart, path: string, context: BuildContext): WirePart {
  if (detail === ImageDetail.LOW || detail === ImageDetail.HIGH) {
    context.ignored(`${path}.detail`, "all media have one resolution, by provider option mediaResolution");
  }
  return source.case === "url"
    ? urlPart(source.value, mimeType, path, context)
    : { inlineData: blob(required(source.value, path), mimeType) };
}

function documentPart(document: DocumentPart, path: string, context: BuildContext): WirePart {
  for (const field of ["filename", "title", "context", "citations"] as const) {
    if (document[field]) context.ignored(`${path}.${field}`, `${VENDOR} takes a document without it`);
  }
  const { source, mimeType } = document;
  if (source.case === "url") return urlPart(source.value, mimeType, path, context);
  if (source.case !== "text") return { inlineData: blob(required(source.value, path), mimeType) };
  return { inlineData: blob(new TextEncoder().encode(source.value), mimeType || "text/plain") };
}

function audioPart({ source, mimeType }: AudioPart, path: string, context: BuildContext): WirePart {
  if (source.case === "url") return urlPart(source.value, mimeType, path, context);
  if (source.case === "providerId") {
    throw cannotCarry(`${path}.provider_id`, "sound by an id", Capability.AUDIO_INPUT);
  }
  return { inlineData: blob(required(source.value, path), mimeType) };
}

function filePart({ owner, fileId, mimeType }: ProviderFilePart, path: string): WirePart {
  if (owner !== OWNER) {
    throw invalidField(`${path}.owner`, `is ${owner}, but ${OWNER} serves this request; upload it there`);
  }
  return { fileData: { fileUri: fileId, ...(mimeType !== "" && { mimeType }) } };
}

function urlPart(url: string, mimeType: string, path: string, { quirks }: BuildContext): WirePart {
  if (!quirks.fetchesUrls) throw cannotCarry(`${path}.url`, "content by its URL");
  return { fileData: { fileUri: url, ...(mimeType !== "" && { mimeType }) } };
}

/** Bytes as the wire has them. */
export function blob(data: Uint8Array, mimeType: string): WireBlob {
  return { mimeType, data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64") };
}

function required(data: Uint8Array | undefined, path: string): Uint8Array {
  if (data === undefined) throw invalidField(path, "needs a source");
  return data;
}
