import { setTimeout as sleep } from "node:timers/promises";
import { integerBetween, type Random } from "../emulators/random.ts";

/** Thrown where a fault breaks the link by RST. */
export class LinkBroken extends Error {
  override readonly name = "LinkBroken";
}

/** The most that waits for its time in a delayed direction before no more is read. */
const MAX_DELAYED_PIECES = 1024;

/** Passes each piece on when its delay is over. Pieces wait beside one another, so that a delay is no bound on the rate. */
export async function* delayed(
  bytes: AsyncIterable<Buffer>,
  delayMs: () => number,
  left: AbortSignal,
): AsyncGenerator<Buffer> {
  const waiting: { readonly at: number; readonly piece: Buffer | undefined }[] = [];
  let wake = (): void => undefined;
  let ended = false;
  let last = 0;
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const read = async (): Promise<void> => {
    for await (const piece of bytes) {
      // Never before the piece in front of it.
      last = Math.max(last, performance.now() + delayMs());
      waiting.push({ at: last, piece });
      wake();
      while (waiting.length >= MAX_DELAYED_PIECES && !ended) await sleep(1);
      if (ended) return;
    }
    waiting.push({ at: Math.max(last, performance.now() + delayMs()), piece: undefined });
    wake();
  };
  read().catch(failed.reject);
  try {
    while (true) {
      const next = waiting.shift();
      if (next === undefined) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        if (waiting.length === 0) await Promise.race([promise, failed.promise, aborted(left)]);
        if (left.aborted) return;
        continue;
      }
      await pause(next.at - performance.now(), left);
      if (next.piece === undefined || left.aborted) return;
      yield next.piece;
    }
  } finally {
    ended = true;
  }
}

/** Passes on no more than so many bytes a second, in pieces of a fiftieth of that. */
export async function* slowed(
  bytes: AsyncIterable<Buffer>,
  bytesPerSecond: number,
  left: AbortSignal,
): AsyncGenerator<Buffer> {
  const most = Math.max(1, Math.floor(bytesPerSecond / 50));
  let free = performance.now();
  for await (const piece of bytes) {
    for (let at = 0; at < piece.length; at += most) {
      const part = piece.subarray(at, at + most);
      await pause(free - performance.now(), left);
      if (left.aborted) return;
      free = Math.max(free, performance.now()) + (1000 * part.length) / bytesPerSecond;
      yield part;
    }
  }
}

/** Cuts into pieces of random lengths; where the cuts are depends on the seed alone. */
export async function* sliced(
  bytes: AsyncIterable<Buffer>,
  { minimum, maximum, delayMs = 0 }: { readonly minimum: number; readonly maximum: number; readonly delayMs?: number },
  random: Random,
  left: AbortSignal,
): AsyncGenerator<Buffer> {
  let room = integerBetween(random, minimum, maximum);
  for await (const piece of bytes) {
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + room);
      at += part.length;
      room -= part.length;
      if (room === 0) room = integerBetween(random, minimum, maximum);
      yield part;
      // A turn of the event loop at least, so that each piece is a write of its own.
      await pause(Math.max(delayMs, 1), left);
    }
  }
}

/** Passes so many bytes, then ends, breaks the link, or takes the rest and says nothing. */
export async function* cutAfter(
  bytes: AsyncIterable<Buffer>,
  afterBytes: number,
  then: "end" | "reset" | "stall",
  left: AbortSignal,
): AsyncGenerator<Buffer> {
  let room = afterBytes;
  const cut = async (): Promise<void> => {
    if (then === "reset") throw new LinkBroken("reset after its bytes");
    if (then === "stall") await aborted(left);
  };
  if (room === 0) return cut();
  for await (const piece of bytes) {
    const part = piece.subarray(0, room);
    room -= part.length;
    if (part.length > 0) yield part;
    if (room === 0) return cut();
  }
}

/** Turns a random bit over at random distances. Which bits depends on the seed alone. */
export async function* corrupted(
  bytes: AsyncIterable<Buffer>,
  everyBytes: number,
  afterBytes: number,
  random: Random,
): AsyncGenerator<Buffer> {
  const distance = (): number => integerBetween(random, 1, Math.max(1, 2 * everyBytes - 1));
  let at = 0;
  let next = afterBytes + distance() - 1;
  for await (const piece of bytes) {
    const copy = Buffer.from(piece);
    for (; next < at + copy.length; next += distance()) {
      const index = next - at;
      copy.writeUInt8(copy.readUInt8(index) ^ (1 << integerBetween(random, 0, 7)), index);
    }
    at += copy.length;
    yield copy;
  }
}

/** Bytes of a TLS record before its content: type, version, and length (RFC 8446, 5.1). */
const RECORD_HEAD_BYTES = 5;

/** Passes so many whole TLS records, then breaks the link in place of the next. */
export async function* tlsRecords(bytes: AsyncIterable<Buffer>, records: number): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  let passed = 0;
  for await (const piece of bytes) {
    rest = Buffer.concat([rest, piece]);
    while (rest.length >= RECORD_HEAD_BYTES) {
      const end = RECORD_HEAD_BYTES + rest.readUInt16BE(3);
      if (passed === records) throw new LinkBroken(`dropped TLS record ${records}`);
      if (rest.length < end) break;
      yield rest.subarray(0, end);
      rest = rest.subarray(end);
      passed += 1;
    }
  }
  if (rest.length > 0) yield rest;
}

/** Tells a socket's peer that no more comes. */
export async function closeSide(socket: {
  readonly destroyed: boolean;
  end(done: () => void): unknown;
}): Promise<void> {
  if (socket.destroyed) return;
  await new Promise<void>((resolve) => {
    socket.end(() => resolve());
  });
}

async function pause(ms: number, left: AbortSignal): Promise<void> {
  if (ms <= 0) return;
  await sleep(ms, undefined, { signal: left }).catch(() => undefined);
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
