import { ExecutionError } from "../errors.ts";

/** Takes one event of a stream: its data lines joined by line feeds, and its name (empty if it has none). */
export type SseSink = (data: string, event: string) => void;

/** Decodes a server-sent event stream from reads of any size. */
export interface SseDecoder {
  /** Takes the next bytes and hands every event that they complete to the sink. What the sink throws is passed on. */
  push(bytes: Uint8Array, sink: SseSink): void;
  /** Takes the end of the body. An event that lacks only its blank line is handed over, as several servers leave it out. */
  end(sink: SseSink): void;
}

/** What bounds a decoder. */
export interface SseOptions {
  /** Largest event in bytes, field names included; a larger one is a PROVIDER_PROTOCOL error. */
  readonly maxEventBytes: number;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * Creates a decoder of `text/event-stream` (WHATWG HTML, 9.2.6): lines end in LF, CR or CRLF, a leading byte order mark and comments are
 * skipped, data lines add up, events without data are dropped. `id` and `retry` mean nothing here.
 *
 * Bytes are split at line ends before they are decoded, so that a character cut by a read is never decoded in halves, and all whole lines
 * of a read are decoded at once.
 */
export function createSseDecoder({ maxEventBytes }: SseOptions): SseDecoder {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  let carried: Uint8Array[] = [];
  let carriedBytes = 0;
  let atStart = true;
  let skipsLineFeed = false;
  let data: string | undefined;
  let event = "";

  const check = (bytes: number): void => {
    if (bytes > maxEventBytes) {
      throw new ExecutionError("PROVIDER_PROTOCOL", `the provider sent an event of more than ${maxEventBytes} bytes`);
    }
  };

  const carry = (bytes: Uint8Array): void => {
    if (bytes.length === 0) return;
    // A copy, lest a few bytes that wait keep a whole read alive.
    carried.push(bytes.length * 2 < bytes.buffer.byteLength ? new Uint8Array(bytes) : bytes);
    carriedBytes += bytes.length;
    check(carriedBytes + (data?.length ?? 0));
  };

  /** The text of what was carried and `tail`, which together are whole lines. */
  const decode = (tail: Uint8Array): string => {
    const bytes = carriedBytes === 0 ? tail : Buffer.concat([...carried, tail]);
    carried = [];
    carriedBytes = 0;
    const text = utf8.decode(bytes);
    if (!atStart || text === "") return text;
    atStart = false;
    return text.startsWith("\ufeff") ? text.slice(1) : text;
  };

  const dispatch = (sink: SseSink): void => {
    const name = event;
    event = "";
    if (data === undefined) return;
    const whole = data;
    data = undefined;
    sink(whole, name);
  };

  const field = (text: string, from: number, to: number): void => {
    if (text.startsWith("data", from) && (to === from + 4 || text.charCodeAt(from + 4) === 0x3a)) {
      const value = text.slice(valueStart(text, from + 5, to), to);
      data = data === undefined ? value : `${data}\n${value}`;
      check(data.length);
    } else if (text.startsWith("event:", from)) {
      event = text.slice(valueStart(text, from + 6, to), to);
    }
  };

  const lines = (text: string, sink: SseSink): void => {
    for (let from = 0, to = text.indexOf("\n"); to >= 0; from = to + 1, to = text.indexOf("\n", from)) {
      const end = to > from && text.charCodeAt(to - 1) === carriageReturn ? to - 1 : to;
      if (end === from) dispatch(sink);
      else field(text, from, end);
    }
  };

  return {
    push: (bytes, sink) => {
      if (bytes.length === 0) return;
      // The LF of a CRLF that a read cut in two; its line has ended already.
      const start = skipsLineFeed && bytes[0] === lineFeed ? 1 : 0;
      const end = afterLastLineEnd(bytes);
      skipsLineFeed = bytes.at(-1) === carriageReturn;
      if (end <= start) return carry(bytes.subarray(start));
      const text = decode(bytes.subarray(start, end));
      lines(LONE_RETURN.test(text) ? text.replace(/\r\n?/g, "\n") : text, sink);
      carry(bytes.subarray(end));
    },
    end: (sink) => {
      if (carriedBytes > 0) lines(`${decode(new Uint8Array())}\n`, sink);
      dispatch(sink);
    },
  };
}

/** A line end that no server is known to write, but the format allows. */
const LONE_RETURN = /\r(?!\n)/;

/** Offset behind the last line end, 0 if there is none. Streams nearly always end a write with one. */
function afterLastLineEnd(bytes: Uint8Array): number {
  for (let offset = bytes.length; offset > 0; offset -= 1) {
    const byte = bytes[offset - 1];
    if (byte === lineFeed || byte === carriageReturn) return offset;
  }
  return 0;
}

/** One space after the colon belongs to the syntax. */
function valueStart(text: string, from: number, to: number): number {
  return from < to && text.charCodeAt(from) === 0x20 ? from + 1 : Math.min(from, to);
}
