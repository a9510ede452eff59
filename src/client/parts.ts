import { create } from "@bufbuild/protobuf";
import { type Part, PartSchema } from "../gen/execution/v1/content_pb.js";

/** A text part. */
export function text(value: string): Part {
  return create(PartSchema, { kind: { case: "text", value: { text: value } } });
}

/**
 * An image part: a URL, or the picture's bytes, which need a media type such as `image/png`. A URL goes to providers that fetch it themselves;
 * others refuse it.
 */
export function image(source: string | Uint8Array<ArrayBuffer>, mimeType = ""): Part {
  return create(PartSchema, { kind: { case: "image", value: { source: sourceOf(source), mimeType } } });
}

/** A document part: a URL, or the bytes, which need a media type such as `application/pdf`. `filename` is shown to the model. */
export function document(source: string | Uint8Array<ArrayBuffer>, mimeType = "", filename = ""): Part {
  return create(PartSchema, { kind: { case: "document", value: { source: sourceOf(source), mimeType, filename } } });
}

/** An audio part: the bytes and their media type, such as `audio/wav`. */
export function audio(data: Uint8Array<ArrayBuffer>, mimeType: string): Part {
  return create(PartSchema, { kind: { case: "audio", value: { source: { case: "data", value: data }, mimeType } } });
}

/** What a tool answered, for a message of the role TOOL. `isError` says that the tool failed and the content why. */
export function toolResult(toolCallId: string, content: string | Part[], isError = false): Part {
  const parts = typeof content === "string" ? [text(content)] : content;
  return create(PartSchema, { kind: { case: "toolResult", value: { toolCallId, parts, isError } } });
}

type Source =
  | { readonly case: "url"; readonly value: string }
  | { readonly case: "data"; readonly value: Uint8Array<ArrayBuffer> };

function sourceOf(source: string | Uint8Array<ArrayBuffer>): Source {
  return typeof source === "string" ? { case: "url", value: source } : { case: "data", value: source };
}
