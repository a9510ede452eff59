import { PREFIX_BYTES } from "../../contract/frames.ts";

/** What stands before one message. */
export interface MessagePrefix {
  /** 0 or 1; anything else is malformed. */
  readonly flag: number;
  readonly size: number;
}

/**
 * Reads the prefixes out of the bytes of a request, however they are cut, and what is between them, so that a message that says too much or holds
 * too much is refused before it is held.
 * Protocol: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests
 */
export function createPrefixReader(
  onPrefix: (prefix: MessagePrefix) => void,
  onContent: (piece: Uint8Array) => void = () => undefined,
): (chunk: Uint8Array) => void {
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
      if (taken > 0) onContent(chunk.subarray(at, at + taken));
      remaining -= taken;
      at += taken;
      if (remaining === 0) read = 0;
    }
  };
}
