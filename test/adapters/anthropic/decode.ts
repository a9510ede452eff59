import { createDecoder } from "../../../src/adapters/anthropic/stream.ts";
import type { ChatEvent } from "../../../src/contract/events.ts";
import type { JsonValue } from "../../emulators/exchange.ts";

/** What a decoder made of an answer. */
export interface Decoded {
  readonly events: readonly ChatEvent[];
  /** What it threw; undefined if it did not. */
  readonly error: unknown;
  /** Whether the end marker was seen. */
  readonly ended: boolean;
}

type Fields = { readonly [key: string]: JsonValue };

function decode(read: (decoder: ReturnType<typeof createDecoder>, out: ChatEvent[]) => void): Decoded {
  let ids = 0;
  const newId = (): string => {
    ids += 1;
    return `minted-${ids}`;
  };
  const decoder = createDecoder({ step: 2, attempt: 1, newId });
  const events: ChatEvent[] = [];
  try {
    read(decoder, events);
    return { events, error: undefined, ended: decoder.ended() };
  } catch (error) {
    return { events, error, ended: decoder.ended() };
  }
}

/** Decodes the events of a stream, each a read of its own: objects as JSON, texts as they are. `eof`: the body then ends. `fails`: the connection does. */
export function decodeStream(events: readonly (Fields | string)[], { eof = false, fails = false } = {}): Decoded {
  return decode((decoder, out) => {
    for (const event of events) {
      const isText = typeof event === "string";
      decoder.event(isText ? event : JSON.stringify(event), isText ? "" : String(event.type), out);
    }
    if (eof) decoder.end(out);
    if (fails) decoder.failed?.(out);
  });
}

/** Decodes one event by its name and its data as it is. */
export function decodeNamed(name: string, data: string): Decoded {
  return decode((decoder, out) => decoder.event(data, name, out));
}

/** Decodes a whole answer. */
export function decodeDocument(document: JsonValue): Decoded {
  return decode((decoder, out) =>
    decoder.document(typeof document === "string" ? document : JSON.stringify(document), out),
  );
}

/** The beginning of a stream. */
export function start(message: Fields = {}): Fields {
  return { type: "message_start", message: { type: "message", role: "assistant", content: [], ...message } };
}

/** The events of one content block: its beginning, its deltas, its end. */
export function block(index: number, contentBlock: Fields, ...deltas: readonly Fields[]): Fields[] {
  return [
    { type: "content_block_start", index, content_block: contentBlock },
    ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
    { type: "content_block_stop", index },
  ];
}

/** A block of text. */
export function text(index: number, ...pieces: readonly string[]): Fields[] {
  return block(index, { type: "text", text: "" }, ...pieces.map((piece) => ({ type: "text_delta", text: piece })));
}

/** The end of a stream: why the model stopped, what it used, and the end marker. */
export function stop(reason = "end_turn", usage?: Fields, more: Fields = {}): Fields[] {
  const delta = { stop_reason: reason, stop_sequence: null, ...more };
  return [{ type: "message_delta", delta, ...(usage !== undefined && { usage }) }, { type: "message_stop" }];
}
