import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import { type CacheHint, CacheTtl, type Part, type ProviderState } from "../../gen/execution/v1/content_pb.js";

/** How many tokens the input of a request may be, before a provider has counted it. */
export interface InputSize {
  /** A guess: 4 bytes of UTF-8 a token, and what media commonly count. */
  readonly expected: number;
  /** Tokens it cannot be more than; undefined if only the model's context window bounds it. */
  readonly most: number | undefined;
  /** True if some of it is sound, or may be. */
  readonly hasAudio: boolean;
  /** True if some of it is to be cached for an hour. */
  readonly hasLongCache: boolean;
  /** True if the provider may read what it likes, window after window: it runs tools, or was given options of its own. */
  readonly isOpen: boolean;
}

/** English prose has about 4 bytes a token with the tokenizers of all large vendors; code and other languages have fewer. */
const bytesPerToken = 4;

/** What a chat template adds to a message or a tool: role, separators, names of fields. */
const expectedTokensPerItem = 4;
const mostTokensPerItem = 64;

/** Anthropic puts up to 804 tokens of instructions before tools (docs.anthropic.com, tool use, pricing), and fewer before a schema. */
const mostTokensForTools = 1024;

/** A picture of a million pixels counts 258 (Gemini) to some 1,400 (Claude, GPT-4o) tokens; at most it is 48,169 (GPT-4o mini, eight tiles). */
const expectedTokensPerImage = 1000;
const mostTokensPerImage = 50_000;

/** A page or two of a document, a minute of sound. */
const expectedTokensPerFile = 2000;

/** State that goes back as what it was: text, mostly encrypted. Any other is a piece of the request in the provider's words, and may name a file. */
const SEALED_STATE: ReadonlySet<string> = new Set([
  "signature",
  "thought_signature",
  "redacted_thinking",
  "reasoning_details",
  "extra_content",
]);

/**
 * Sizes the input of a request. At most it is one token a byte: tokenizers of bytes never have more, and those of characters fall back to
 * bytes. Documents, sound, files the provider has, what is sent in the provider's own words, and what its tools read have no bound of their own.
 */
export function sizeInput(request: ChatRequest): InputSize {
  const found: Found = {
    bytes: 0,
    items: 0,
    images: 0,
    files: 0,
    isUnbounded: false,
    hasAudio: false,
    hasLongCache: false,
  };
  addHint(request.cacheHint, found);
  for (const { role, name, parts } of request.messages) {
    found.items += 1;
    addText(`${role} ${name}`, found);
    for (const part of parts) addPart(part, found);
  }
  for (const { name, description = "", parametersJson, freeForm, cacheHint, providerOptionsJson } of request.tools) {
    const { syntax = "", definition = "" } = freeForm?.grammar ?? {};
    found.items += 1;
    addHint(cacheHint, found);
    addText(
      [name, description, parametersJson, syntax, definition, ...Object.values(providerOptionsJson)].join(" "),
      found,
    );
  }
  const format = request.responseFormat?.format;
  const schema = format?.case === "jsonSchema" ? format.value : undefined;
  if (schema !== undefined) addText(`${schema.name} ${schema.description} ${schema.schemaJson}`, found);
  const { bytes, items, images, files, hasAudio, hasLongCache } = found;
  const isOpen = request.providerTools.length > 0 || Object.keys(request.providerOptionsJson).length > 0;
  const isBounded = files === 0 && !found.isUnbounded && !isOpen;
  const tools = request.tools.length > 0 || schema !== undefined ? mostTokensForTools : 0;
  return {
    expected:
      Math.ceil(bytes / bytesPerToken) +
      items * expectedTokensPerItem +
      images * expectedTokensPerImage +
      files * expectedTokensPerFile,
    most: isBounded ? bytes + items * mostTokensPerItem + images * mostTokensPerImage + tools : undefined,
    hasAudio,
    hasLongCache,
    isOpen,
  };
}

/** What was found so far. */
interface Found {
  bytes: number;
  /** Messages, parts and tools. */
  items: number;
  images: number;
  files: number;
  /** True for something whose bytes do not say how much it is. */
  isUnbounded: boolean;
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
  for (const state of providerState) addState(state, found);
  switch (kind.case) {
    case "text":
      for (const { rawJson } of kind.value.citations) addText(rawJson, found);
      return addText(kind.value.text, found);
    case "reasoning":
    case "refusal":
      return addText(kind.value.text, found);
    case "toolCall":
      found.items += 1;
      return addText(`${kind.value.id} ${kind.value.name} ${kind.value.argumentsJson}`, found);
    case "toolResult":
      found.items += 1;
      addText(`${kind.value.toolCallId} ${kind.value.name}`, found);
      for (const part of kind.value.parts) addPart(part, found);
      return;
    case "image":
      found.images += 1;
      return;
    case "document":
      addText(`${kind.value.filename} ${kind.value.title} ${kind.value.context}`, found);
      if (kind.value.source.case === "text") addText(kind.value.source.value, found);
      else found.files += 1;
      return;
    case "audio":
      found.hasAudio = true;
      found.files += 1;
      return;
    case "providerFile":
      // Only the provider knows what it is.
      found.hasAudio = true;
      found.files += 1;
      return;
    default:
  }
}

/** Encrypted reasoning that goes back counts as what it was, which is less than its bytes. */
function addState({ kind, data }: ProviderState, found: Found): void {
  found.bytes += data.length;
  if (SEALED_STATE.has(kind)) return;
  found.isUnbounded = true;
  found.hasAudio = true;
}
