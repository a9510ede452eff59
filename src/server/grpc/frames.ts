import { type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { writeDelta } from "../../contract/encode.ts";

/** Length of what stands before a message: one byte that says whether it is compressed, four of its size, big end first. */
const PREFIX_BYTES = 5;

/** What stands before one message. */
export interface MessagePrefix {
  /** 0 or 1; anything else is malformed. */
  readonly flag: number;
  readonly size: number;
}

/**
 * Reads the prefixes out of the bytes of a request, however they are cut, so that a message that says too much is refused before it is held.
 * Protocol: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests
 */
export function createPrefixReader(onPrefix: (prefix: MessagePrefix) => void): (chunk: Uint8Array) => void {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  let read = 0;
  let remaining = 0;
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (read < PREFIX_BYTES) {
        const part = chunk.subarray(at, at + PREFIX_BYTES - read);
        prefix.set(part, read);
        read += part.length;
        at += part.length;
        if (read < PREFIX_BYTES) return;
        remaining = prefix.readUInt32BE(1);
        onPrefix({ flag: prefix.readUInt8(0), size: remaining });
      }
      const taken = Math.min(remaining, chunk.length - at);
      remaining -= taken;
      at += taken;
      if (remaining === 0) read = 0;
    }
  };
}

/** Where frames are put together before they are copied out; larger ones are grown for and let go. */
const SCRATCH = Buffer.allocUnsafeSlow(65_536);

/** Up to this size frames come from Node's pool. */
const POOLED_BYTES = 1024;

/** Encodes messages as they stand on the wire, one after the other, uncompressed. */
export function encodeFrames(schema: DescMessage, messages: readonly Message[]): Buffer {
  let target = SCRATCH;
  let at = 0;
  const reserve = (bytes: number): void => {
    if (at + bytes <= target.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * target.length, at + bytes));
    target.copy(grown, 0, 0, at);
    target = grown;
  };
  for (const message of messages) {
    reserve(PREFIX_BYTES);
    const start = at + PREFIX_BYTES;
    let end = writeDelta(message, target, start);
    if (end === -1) {
      const bytes = toBinary(schema, message);
      reserve(PREFIX_BYTES + bytes.length);
      target.set(bytes, start);
      end = start + bytes.length;
    }
    target[at] = 0;
    target.writeUInt32BE(end - start, at + 1);
    at = end;
  }
  // Large ones get memory of their own: in Node's shared pool one that waits for its reader would keep its neighbours alive.
  const frames = at > POOLED_BYTES ? Buffer.allocUnsafeSlow(at) : Buffer.allocUnsafe(at);
  target.copy(frames, 0, 0, at);
  return frames;
}
