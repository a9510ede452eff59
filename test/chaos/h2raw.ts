import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { within } from "../support/wait.ts";

// HTTP/2 by hand (RFC 9113), for peers that do not behave: nothing here checks, waits for, answers or refuses anything by itself.

/** Frame types (RFC 9113, 6). */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags of frames; END_STREAM and ACK are the same bit. */
export const FLAG = { endStream: 1, ack: 1, endHeaders: 4 } as const;

/** Identifiers of settings (RFC 9113, 6.5.2). */
export const SETTING = { headerTableSize: 1, maxConcurrentStreams: 3, initialWindowSize: 4, maxFrameSize: 5 } as const;

/** What every HTTP/2 client begins with. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Bytes of a frame before its payload. */
const FRAME_HEAD_BYTES = 9;

/** A frame as it came. */
export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** Writes a frame. `length` is what the head says if that is not the truth. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = Buffer.alloc(0),
  length = payload.length,
): Buffer {
  const bytes = Buffer.alloc(FRAME_HEAD_BYTES + payload.length);
  bytes.writeUIntBE(length, 0, 3);
  bytes.writeUInt8(type, 3);
  bytes.writeUInt8(flags, 4);
  bytes.writeUInt32BE(streamId, 5);
  bytes.set(payload, FRAME_HEAD_BYTES);
  return bytes;
}

/** One value of SETTINGS. */
export type Setting = readonly [identifier: number, value: number];

/** SETTINGS with these values, by identifier. */
export function settings(...values: readonly Setting[]): Buffer {
  const payload = Buffer.alloc(6 * values.length);
  for (const [index, [identifier, value]] of values.entries()) {
    payload.writeUInt16BE(identifier, 6 * index);
    payload.writeUInt32BE(value, 6 * index + 2);
  }
  return frame(FRAME.settings, 0, 0, payload);
}

/** The acknowledgement of the peer's SETTINGS. */
export const settingsAck = (): Buffer => frame(FRAME.settings, FLAG.ack, 0);

/** PING, or the answer to one. */
export const ping = (payload: Uint8Array = Buffer.alloc(8), flags = 0): Buffer => frame(FRAME.ping, flags, 0, payload);

/** RST_STREAM. */
export const reset = (streamId: number, code = 8): Buffer => frame(FRAME.reset, 0, streamId, word(code));

/** WINDOW_UPDATE; stream 0 is the connection. */
export const windowUpdate = (streamId: number, bytes: number): Buffer =>
  frame(FRAME.windowUpdate, 0, streamId, word(bytes));

/** DATA. */
export const data = (streamId: number, payload: Uint8Array, flags = 0): Buffer =>
  frame(FRAME.data, flags, streamId, payload);

/** PRIORITY, which RFC 9113 deprecates and everybody still has to take. */
export const priority = (streamId: number, dependsOn = 0): Buffer =>
  frame(FRAME.priority, 0, streamId, Buffer.concat([word(dependsOn), Buffer.from([16])]));

/** GOAWAY. */
export const goaway = (lastStreamId = 0, code = 0): Buffer =>
  frame(FRAME.goaway, 0, 0, Buffer.concat([word(lastStreamId), word(code)]));

/** HEADERS with a block from `literal`, `indexed` and the like. */
export const headers = (streamId: number, block: Uint8Array, flags: number = FLAG.endHeaders): Buffer =>
  frame(FRAME.headers, flags, streamId, block);

/** CONTINUATION; without `FLAG.endHeaders` the block goes on. */
export const continuation = (streamId: number, block: Uint8Array, flags = 0): Buffer =>
  frame(FRAME.continuation, flags, streamId, block);

/** An integer of HPACK with a prefix of so many bits (RFC 7541, 5.1); `first` holds the bits before it. */
export function hpackInteger(value: number, prefixBits: number, first = 0): Buffer {
  const most = 2 ** prefixBits - 1;
  if (value < most) return Buffer.from([first | value]);
  const bytes = [first | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

/** A field by its index in HPACK's tables (RFC 7541, 6.1); the dynamic table begins at 62. */
export const indexed = (index: number): Buffer => hpackInteger(index, 7, 0x80);

/** A field in full, without Huffman; `remember` puts it into the peer's dynamic table (RFC 7541, 6.2). */
export function literal(name: string, value: string, remember = false): Buffer {
  return Buffer.concat([Buffer.from([remember ? 0x40 : 0]), text(name), text(value)]);
}

/** A header block of these fields, each in full. */
export function block(fields: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(Object.entries(fields).map(([name, value]) => literal(name, value)));
}

/** Reads frames off a byte stream, however it is cut. */
export function createFrameReader(onFrame: (frame: RawFrame) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= FRAME_HEAD_BYTES) {
      const end = FRAME_HEAD_BYTES + rest.readUIntBE(0, 3);
      if (rest.length < end) return;
      onFrame({
        type: rest.readUInt8(3),
        flags: rest.readUInt8(4),
        streamId: rest.readUInt32BE(5) & 0x7f_ff_ff_ff,
        payload: rest.subarray(FRAME_HEAD_BYTES, end),
      });
      rest = rest.subarray(end);
    }
  };
}

/** One connection on which only what is said is sent. */
export interface RawHttp2 {
  readonly socket: Socket;
  /** What the peer sent so far. */
  readonly frames: readonly RawFrame[];
  /** Sends pieces as one write; false once more waits than the kernel takes. Sends nothing on a connection that is gone. */
  send(...pieces: readonly Uint8Array[]): boolean;
  /** Resolves with the first frame for which this holds, which may have come before; rejects if the connection ends without. */
  frame(matches: (frame: RawFrame) => boolean, what: string): Promise<RawFrame>;
  /** True once the connection is gone. */
  closed(): boolean;
  /** Resolves once it is gone, by whoever's will. */
  readonly gone: Promise<void>;
  destroy(): void;
}

/** Where to connect to, and from which of the machine's own addresses. */
export interface RawTarget {
  readonly port: number;
  /** All of 127.0.0.0/8 is this machine, so that one process can be many peers. Default: the system's choice. */
  readonly localAddress?: string;
  /** False never takes a byte off the socket. */
  readonly reads?: boolean;
}

/** Opens a bare connection to a port of this machine. Sends nothing, not even the preface. */
export async function connectRaw({ port, localAddress, reads = true }: RawTarget): Promise<RawHttp2> {
  const socket = connect({
    host: "127.0.0.1",
    port,
    noDelay: true,
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  const frames: RawFrame[] = [];
  const waiting = new Set<() => void>();
  const notify = (): void => {
    for (const check of [...waiting]) check();
  };
  let closed = false;
  const gone = new Promise<void>((resolve) => {
    socket.once("close", () => {
      closed = true;
      resolve();
      notify();
    });
  });
  socket.on("error", () => undefined);
  if (reads) {
    const read = createFrameReader((each) => frames.push(each));
    socket.on("data", (chunk: Buffer) => {
      read(chunk);
      notify();
    });
  }
  await Promise.race([once(socket, "connect"), gone]);
  return {
    socket,
    frames,
    gone,
    closed: () => closed,
    send: (...pieces) => !socket.destroyed && socket.writable && socket.write(Buffer.concat(pieces)),
    frame: (matches, what) => {
      const { promise, resolve, reject } = Promise.withResolvers<RawFrame>();
      const check = (): void => {
        const found = frames.find(matches);
        if (found !== undefined) resolve(found);
        else if (closed) reject(new Error(`the connection ended without ${what}`));
      };
      waiting.add(check);
      check();
      return within(promise, { what }).finally(() => waiting.delete(check));
    },
    destroy: () => socket.destroy(),
  };
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([hpackInteger(bytes.length, 7), bytes]);
}
