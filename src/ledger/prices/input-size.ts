import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import { type CacheHint, CacheTtl, type Part } from "../../gen/execution/v1/content_pb.js";

/** How many tokens the input of a request may be, before a provider has counted it. */
export interface InputSize {
  /** A guess: 4 bytes of UTF-8 a token, and what media commonly count. */
  readonly expected: number;
  /** Tokens it cannot be more than; undefined if only the model's context window bounds it. */
  readonly most: number | undefined;
  readonly hasAudio: boolean;
  /** True if some of it is to be cached for an hour. */
  readonly hasLongCache: boolean;
}

/** English prose has about 4 bytes a token with the tokenizers of all large vendors; code and other languages have fewer. */
const bytesPerToken = 4;

/** What a chat template adds to a message or a tool: role, separators, names of fields. */
const expectedTokensPerItem = 4;
const mostTokensPerItem = 64;

/** Anthropic puts up to 804 tokens of instructions before tools (docs.anthropic.com, tool use, pricing). */
const mostTokensForTools = 1024;

/** A picture of a million pixels counts 258 (Gemini) to some 1,400 (Claude, GPT-4o) tokens; at most it is 48,169 (GPT-4o mini, eight tiles). */
const expectedTokensPerImage = 1000;
const mostTokensPerImage = 50_000;

/** A page or two of a document, a minute of sound. */
const expectedTokensPerFile = 2000;

/**
 * Sizes the input of a request. At most it is one token a byte: tokenizers of bytes never have more, and those of characters fall back to
 * bytes. Documents, sound, files the provider has, and what tools of the provider read have no bound of their own.
 */
export function sizeInput(request: ChatRequest): InputSize {
  const found: Found = { bytes: 0, items: 0, images: 0, files: 0, hasAudio: false, hasLongCache: false };
  for (const { role, name, parts } of request.messages) {
    found.items += 1;
    addText(`${role} ${name}`, found);
    for (const part of parts) addPart(part, found);
  }
  for (const { name, description, parametersJson, cacheHint } of request.tools) {
    found.items += 1;
    addHint(cacheHint, found);
    addText(`${name} ${description} ${parametersJson}`, found);
  }
  const format = request.responseFormat?.format;
  if (format?.case === "jsonSchema") addText(format.value.schemaJson, found);
  const { bytes, items, images, files, hasAudio, hasLongCache } = found;
  const isBounded = files === 0 && request.providerTools.length === 0;
  const tools = request.tools.length > 0 ? mostTokensForTools : 0;
  return {
    expected:
      Math.ceil(bytes / bytesPerToken) +
      items * expectedTokensPerItem +
      images * expectedTokensPerImage +
      files * expectedTokensPerFile,
    most: isBounded ? bytes + items * mostTokensPerItem + images * mostTokensPerImage + tools : undefined,
    hasAudio,
    hasLongCache,
  };
}

/** What was found so far. */
interface Found {
  bytes: number;
  /** Messages, parts and tools. */
  items: number;
  images: number;
  files: number;
  hasAudio: boolean;
  hasLongCache: boolean;
}

function addHint(hint: CacheHint | undefined, found: Found): void {
  if (hint?.ttl === CacheTtl.ONE_HOUR) found.hasLongCache = true;
}

function addText(text: string, found: Found): void {
  found.bytes += Buffer.byteLength(text, "utf8");
}

function addPart({ kind, providerState, cacheHint }: Part, found: Found): void {
  addHint(cacheHint, found);
  // Encrypted reasoning that goes back counts as what it was, which is less than its bytes.
  for (const { data } of providerState) found.bytes += data.length;
  switch (kind.case) {
    case "text":
    case "reasoning":
    case "refusal":
      return addText(kind.value.text, found);
    case "toolCall":
      found.items += 1;
      return addText(`${kind.value.id} ${kind.value.name} ${kind.value.argumentsJson}`, found);
    case "toolResult":
      found.items += 1;
      for (const part of kind.value.parts) addPart(part, found);
      return;
    case "image":
      found.images += 1;
      return;
    case "document":
      if (kind.value.source.case === "text") addText(kind.value.source.value, found);
      else found.files += 1;
      return;
    case "audio":
      found.hasAudio = true;
      found.files += 1;
      return;
    case "providerFile":
      found.files += 1;
      return;
    default:
  }
}
