import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import { type Exchange, endAnswer } from "./exchange.ts";
import type { TransportLimits } from "./limits.ts";
import { createWriter } from "./writer.ts";

/**
 * Writes what Connect framed. The head goes out with the first bytes, as implementations may still set headers until then. Connect's own writer
 * is not used, because it waits for ever for a client that stops reading or leaves, and writes to the console.
 */
export async function writeRpcAnswer(
  exchange: Exchange,
  answer: Promise<UniversalServerResponse>,
  signal: AbortSignal,
  limits: TransportLimits,
): Promise<void> {
  const { response } = exchange;
  const { status, header, body, trailer } = await answer;
  const write = createWriter(exchange, signal, limits.stallMs);
  const pieces = body?.[Symbol.asyncIterator]();
  try {
    let piece = await pieces?.next();
    response.writeHead(status, [...(header ?? [])].flat());
    for (; piece?.done === false; piece = await pieces?.next()) {
      const written = write(piece.value);
      if (written !== undefined) await written;
    }
  } finally {
    await pieces?.return?.();
  }
  if (trailer !== undefined) response.addTrailers(Object.fromEntries(trailer));
  endAnswer(exchange, limits);
}
