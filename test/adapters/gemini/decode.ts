import { createDecoder } from "../../../src/adapters/gemini/stream.ts";
import type { ChatEvent } from "../../../src/contract/events.ts";
import { Executor } from "../../../src/gen/execution/v1/content_pb.js";
import type { JsonValue } from "../../emulators/exchange.ts";

/** What a decoder made of an answer. */
export interface Decoded {
  readonly events: readonly ChatEvent[];
  /** What it threw; undefined if it did not. */
  readonly error: unknown;
  /** Whether the end marker was seen. */
  readonly ended: boolean;
}

/** How an answer is to be decoded. */
export interface DecodeOptions {
  /** Whether the body ends cleanly after the chunks. Default true. */
  readonly eof?: boolean;
  /** Whether the connection fails after the chunks. Default false. */
  readonly fails?: boolean;
  /** Functions that the provider runs. Default none. */
  readonly providerFunctions?: readonly string[];
}

type Fields = { readonly [key: string]: JsonValue };

function decode(
  { providerFunctions = [] }: DecodeOptions,
  read: (decoder: ReturnType<typeof createDecoder>, out: ChatEvent[]) => void,
): Decoded {
  let ids = 0;
  const newId = (): string => {
    ids += 1;
    return `${ids}`;
  };
  const executorOf = (name: string) => (providerFunctions.includes(name) ? Executor.PROVIDER : Executor.CALLER);
  const decoder = createDecoder({ step: 2, attempt: 1, newId, executorOf });
  const events: ChatEvent[] = [];
  try {
    read(decoder, events);
    return { events, error: undefined, ended: decoder.ended() };
  } catch (error) {
    return { events, error, ended: decoder.ended() };
  }
}

/** Decodes the chunks of a stream, objects as JSON and texts as they are, and the clean end of the body. */
export function decodeChunks(chunks: readonly (Fields | string)[], options: DecodeOptions = {}): Decoded {
  return decode(options, (decoder, out) => {
    for (const chunk of chunks) {
      decoder.event(typeof chunk === "string" ? chunk : JSON.stringify(chunk), "", out);
    }
    if (options.fails === true) decoder.failed?.(out);
    else if (options.eof !== false) decoder.end(out);
  });
}

/** Decodes a whole answer. */
export function decodeDocument(document: JsonValue, options: DecodeOptions = {}): Decoded {
  return decode(options, (decoder, out) =>
    decoder.document(typeof document === "string" ? document : JSON.stringify(document), out),
  );
}

/** A chunk with these parts. */
export function chunk(...parts: readonly Fields[]): Fields {
  return candidate({ content: { role: "model", parts: [...parts] } });
}

/** A chunk with this candidate. */
export function candidate(fields: Fields): Fields {
  return { candidates: [{ index: 0, ...fields }] };
}

/** The last chunk. */
export function finish(finishReason: JsonValue = "STOP", more: Fields = {}): Fields {
  return candidate({ finishReason, ...more });
}

/** Decodes chunks with these parts, one a chunk, and a STOP. */
export function decodeParts(parts: readonly Fields[], options: DecodeOptions = {}): Decoded {
  return decodeChunks([...parts.map((part) => chunk(part)), finish()], options);
}
