import { createDecoder } from "../../../src/adapters/openai/stream.ts";
import type { ChatEvent } from "../../../src/contract/events.ts";
import type { JsonValue } from "../../emulators/exchange.ts";

export { summary } from "../shared/summary.ts";

/** What a decoder made of an answer. */
export interface Decoded {
  readonly events: readonly ChatEvent[];
  /** What it threw; undefined if it did not. */
  readonly error: unknown;
  /** Whether the end marker was seen. */
  readonly ended: boolean;
}

/** How a stream is to be decoded. */
export interface DecodeOptions {
  /** What follows the chunks: `[DONE]` (default), the clean end of the body, a failure of the connection, or nothing. */
  readonly end?: "done" | "eof" | "failure" | "none";
  readonly vendor?: string;
  readonly endMarker?: "done" | "finish_reason";
}

function createTestDecoder({ vendor, endMarker }: DecodeOptions) {
  let ids = 0;
  const newId = (): string => {
    ids += 1;
    return `minted-${ids}`;
  };
  const quirks = { vendor: vendor ?? "vendor", endMarker: endMarker ?? "finish_reason" };
  return createDecoder({ step: 2, attempt: 1, quirks, newId });
}

/** Decodes chunks: objects as JSON, texts as they are. */
export function decodeChunks(chunks: readonly JsonValue[], options: DecodeOptions = {}): Decoded {
  const decoder = createTestDecoder(options);
  const events: ChatEvent[] = [];
  try {
    for (const chunk of chunks) {
      decoder.event(typeof chunk === "string" ? chunk : JSON.stringify(chunk), "", events);
    }
    if ((options.end ?? "done") === "done") decoder.event("[DONE]", "", events);
    if (options.end === "eof") decoder.end(events);
    if (options.end === "failure") decoder.failed?.(events);
    return { events, error: undefined, ended: decoder.ended() };
  } catch (error) {
    return { events, error, ended: decoder.ended() };
  }
}

/** Decodes an `error` event. */
export function decodeErrorEvent(data: string): Decoded {
  const decoder = createTestDecoder({});
  const events: ChatEvent[] = [];
  try {
    decoder.event(data, "error", events);
    return { events, error: undefined, ended: decoder.ended() };
  } catch (error) {
    return { events, error, ended: decoder.ended() };
  }
}

/** Decodes a whole answer. */
export function decodeDocument(document: JsonValue, options: DecodeOptions = {}): Decoded {
  const decoder = createTestDecoder(options);
  const events: ChatEvent[] = [];
  try {
    decoder.document(typeof document === "string" ? document : JSON.stringify(document), events);
    return { events, error: undefined, ended: decoder.ended() };
  } catch (error) {
    return { events, error, ended: decoder.ended() };
  }
}

/** A chunk with one delta. */
export function delta(
  fields: { readonly [key: string]: JsonValue },
  rest: { readonly [key: string]: JsonValue } = {},
): JsonValue {
  return { choices: [{ index: 0, delta: fields, finish_reason: null }], ...rest };
}

/** The chunk that says why the model stopped. */
export function stop(reason = "stop"): JsonValue {
  return { choices: [{ index: 0, delta: {}, finish_reason: reason }] };
}
