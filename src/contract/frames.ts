import { type DescMessage, fromBinary, type Message, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { writeDelta } from "./encode.ts";
import { reserve, type Target, writeMessage } from "./encode-message.ts";

/**
 * Length of what stands before a message: one byte that says whether it is compressed, four of its size, big end first.
 * Protocol: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests
 */
export const PREFIX_BYTES = 5;

/** Gives the memory that frames are copied to, of exactly that many bytes. */
export type AllocateFrames = (size: number) => Buffer;

/** Where frames are put together before they are copied out; larger ones are grown for and let go. */
const SCRATCH = Buffer.allocUnsafeSlow(65_536);

/** Up to this size frames come from Node's pool. */
const POOLED_BYTES = 1024;

/** Large ones get memory of their own: in Node's shared pool one that waits for its reader would keep its neighbours alive. */
const allocate: AllocateFrames = (size) =>
  size > POOLED_BYTES ? Buffer.allocUnsafeSlow(size) : Buffer.allocUnsafe(size);

/** Encodes messages as they stand on the wire of gRPC, one after the other, uncompressed. */
export function encodeFrames(
  schema: DescMessage,
  messages: readonly Message[],
  allocateFrames: AllocateFrames = allocate,
): Buffer {
  const target: Target = { bytes: SCRATCH, at: 0 };
  for (const message of messages) {
    reserve(target, PREFIX_BYTES);
    const start = target.at + PREFIX_BYTES;
    const end = writeDelta(message, target.bytes, start);
    target.at = end === -1 ? start : end;
    if (end === -1 && !writeMessage(schema, message, target)) {
      const bytes = toBinary(schema, message);
      reserve(target, bytes.length);
      target.bytes.set(bytes, start);
      target.at = start + bytes.length;
    }
    target.bytes[start - PREFIX_BYTES] = 0;
    target.bytes.writeUInt32BE(target.at - start, start - PREFIX_BYTES + 1);
  }
  const frames = allocateFrames(target.at);
  target.bytes.copy(frames, 0, 0, target.at);
  return frames;
}

const FRAMES = Symbol("frames");

type Framed = readonly Message[] & { [FRAMES]?: Uint8Array };

/** Keeps the frames of messages with the array that holds them, so that a wire need not make them again. */
export function keepFrames(messages: readonly Message[], frames: Uint8Array): void {
  (messages as Framed)[FRAMES] = frames;
}

/** The frames of messages that were encoded already. */
export function framesOf(messages: readonly Message[]): Uint8Array | undefined {
  return (messages as Framed)[FRAMES];
}

/** Decodes whole frames that `encodeFrames` made. */
export function decodeFrames<Schema extends DescMessage>(schema: Schema, frames: Uint8Array): MessageShape<Schema>[] {
  const messages: MessageShape<Schema>[] = [];
  for (let at = 0; at < frames.length; at = frameEnd(frames, at)) {
    messages.push(fromBinary(schema, frames.subarray(at + PREFIX_BYTES, frameEnd(frames, at))));
  }
  return messages;
}

/** Where the frame that begins at an offset ends. */
export function frameEnd(frames: Uint8Array, start: number): number {
  let size = 0;
  for (let at = start + 1; at < start + PREFIX_BYTES; at += 1) size = size * 256 + (frames[at] ?? 0);
  return start + PREFIX_BYTES + size;
}
