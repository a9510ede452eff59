import { CacheTtl, ImageDetail } from "../../gen/execution/v1/content_pb.js";
import {
  asBase64,
  asBoolean,
  asList,
  asName,
  asObject,
  asText,
  asWord,
  type Field,
  type ObjectFields,
  refuse,
} from "../edge/fields.ts";
import { type PartInit, readCacheControl } from "../edge/parts.ts";

type Kind = NonNullable<PartInit["kind"]>;
type PartReader = (part: ObjectFields) => Kind;

/** Parts of a user message, and of a tool's result. */
export const USER_PARTS: Readonly<Record<string, PartReader>> = {
  text: readText,
  image_url: readImage,
  input_audio: readAudio,
  file: readFile,
  document_url: readDocumentUrl,
};

/** Parts of instructions. */
export const TEXT_PARTS: Readonly<Record<string, PartReader>> = { text: readText };

/** Parts of an assistant message. */
export const ASSISTANT_PARTS: Readonly<Record<string, PartReader>> = {
  text: readText,
  refusal: (part) => ({ case: "refusal", value: { text: asText(part.need("refusal")) } }),
  thinking: readThinking,
};

/** Reads a `content`: a text is one part; nothing is none. Throws INVALID_FIELD for parts that have no reader. */
export function readContent(content: Field | undefined, readers: Readonly<Record<string, PartReader>>): PartInit[] {
  if (content === undefined) return [];
  if (typeof content.value === "string") return [{ kind: { case: "text", value: { text: asText(content) } } }];
  if (!Array.isArray(content.value)) refuse(content.path, "must be a string or a list of parts");
  return asList(content).map((field) => readPart(field, readers));
}

function readPart(field: Field, readers: Readonly<Record<string, PartReader>>): PartInit {
  const part = asObject(field);
  const read = asWord(part.need("type"), readers);
  const cacheHint = readCacheHint(part);
  const kind = read(part);
  part.close();
  return { kind, ...cacheHint };
}

/** Reads the cache hint of a part or tool: Anthropic's `cache_control`, as OpenRouter takes it, or OpenAI's `prompt_cache_breakpoint`. */
export function readCacheHint(part: ObjectFields): { cacheHint?: { ttl: CacheTtl } } {
  const control = part.take("cache_control");
  const breakpoint = part.take("prompt_cache_breakpoint");
  if (control !== undefined) return { cacheHint: readCacheControl(control) };
  if (breakpoint === undefined) return {};
  const fields = asObject(breakpoint);
  asWord(fields.need("mode"), { explicit: true });
  fields.close();
  return { cacheHint: { ttl: CacheTtl.UNSPECIFIED } };
}

function readText(part: ObjectFields): Kind {
  return { case: "text", value: { text: asText(part.need("text")) } };
}

const DETAILS = { auto: ImageDetail.AUTO, low: ImageDetail.LOW, high: ImageDetail.HIGH };

/** An image by URL or data URL; some clients write the URL without its object. */
function readImage(part: ObjectFields): Kind {
  const image = part.need("image_url");
  if (typeof image.value === "string") return { case: "image", value: sourceOf(image) };
  const fields = asObject(image);
  const source = sourceOf(fields.need("url"));
  const detail = fields.take("detail");
  fields.close();
  return { case: "image", value: { ...source, ...(detail !== undefined && { detail: asWord(detail, DETAILS) }) } };
}

/** Media types of the format words that are no subtypes. */
const AUDIO_TYPES: ReadonlyMap<string, string> = new Map([["mp3", "audio/mpeg"]]);

function readAudio(part: ObjectFields): Kind {
  const sound = part.need("input_audio");
  if (typeof sound.value === "string") return { case: "audio", value: bareSound(sound) };
  const fields = asObject(sound);
  const data = fields.need("data");
  const format = asName(fields.need("format"));
  fields.close();
  const mimeType = AUDIO_TYPES.get(format) ?? `audio/${format}`;
  return { case: "audio", value: { source: { case: "data", value: asBase64(data) }, mimeType } };
}

/** Mistral's form: a URL, or base64 text whose format it finds out itself. */
function bareSound(field: Field): Source {
  if (/^(https?|data):/i.test(asName(field))) return sourceOf(field);
  return {
    source: { case: "data", value: asBase64(field) },
    mimeType: "application/octet-stream",
  };
}

/** A file by its bytes (a data URL), its URL, or the provider's id of it: OpenAI's inside `file`, Mistral's beside `type`. */
function readFile(part: ObjectFields): Kind {
  const bare = part.take("file_id");
  if (bare !== undefined) return { case: "providerFile", value: { owner: "mistral", fileId: asName(bare) } };
  const fields = asObject(part.need("file"));
  const id = fields.take("file_id");
  const data = fields.take("file_data");
  const filename = fields.take("filename");
  fields.close();
  if (data !== undefined && id === undefined) {
    return {
      case: "document",
      value: { ...sourceOf(data), ...(filename !== undefined && { filename: asText(filename) }) },
    };
  }
  if (id === undefined || data !== undefined) return refuse(fields.path, "needs either file_data or file_id");
  if (filename !== undefined) refuse(filename.path, "goes with file_data only; an uploaded file has its name");
  return { case: "providerFile", value: { owner: "openai", fileId: asName(id) } };
}

function readDocumentUrl(part: ObjectFields): Kind {
  const source = sourceOf(part.need("document_url"));
  const name = part.take("document_name");
  return { case: "document", value: { ...source, ...(name !== undefined && { filename: asText(name) }) } };
}

function readThinking(part: ObjectFields): Kind {
  const texts = asList(part.need("thinking")).map((field) => {
    const fields = asObject(field);
    asWord(fields.need("type"), { text: true });
    const text = asText(fields.need("text"));
    fields.close();
    return text;
  });
  const closed = part.take("closed");
  if (closed !== undefined && !asBoolean(closed)) refuse(closed.path, "must be true or left out");
  return { case: "reasoning", value: { text: texts.join("") } };
}

interface Source {
  readonly source: { case: "data"; value: Uint8Array } | { case: "url"; value: string };
  readonly mimeType?: string;
}

/** A URL, or the bytes and media type of a data URL. */
function sourceOf(field: Field): Source {
  const url = asName(field);
  if (!/^data:/i.test(url)) return { source: { case: "url", value: url } };
  const comma = url.indexOf(",");
  const head = url.slice("data:".length, comma);
  if (comma < 0 || !/;base64$/i.test(head)) refuse(field.path, "must be a data URL with a media type and base64 data");
  const mimeType = head.slice(0, -";base64".length);
  if (mimeType === "") refuse(field.path, "must name its media type: data:TYPE;base64,DATA");
  return { source: { case: "data", value: asBase64(field, url.slice(comma + 1)) }, mimeType };
}
