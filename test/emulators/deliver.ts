import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { type Exchange, framingHeaders } from "./exchange.ts";
import type { DeliveryPlan } from "./plan.ts";

/** What a delivery needs beside the plan. */
export interface DeliveryContext {
  /** Aborted when the response is over, however it ended. */
  readonly signal: AbortSignal;
  /** Told the bytes of each piece as it is given to the socket. */
  readonly onSent: (bytes: number) => void;
  /** Told just before the connection is broken on purpose. */
  readonly onBreak: () => void;
}

function writeHead(exchange: Exchange, plan: DeliveryPlan, response: ServerResponse): void {
  response.statusCode = exchange.status ?? 200;
  for (const [name, value] of Object.entries(exchange.headers ?? {})) {
    if (!framingHeaders.has(name.toLowerCase())) response.setHeader(name, value);
  }
  if (plan.knownLength) response.setHeader("content-length", exchange.body?.byteLength ?? 0);
}

/** Resolves when the response takes more bytes or is over. */
async function roomAgain(response: ServerResponse, signal: AbortSignal): Promise<void> {
  try {
    await once(response, "drain", { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  if (delayMs === 0) {
    await turn();
    return;
  }
  try {
    await sleep(delayMs, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Resolves when the kernel has taken everything written so far, or the socket is gone. */
async function flushed(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    socket.write("", () => resolve());
  });
}

async function breakConnection(ending: "fin" | "reset", response: ServerResponse, onBreak: () => void): Promise<void> {
  const socket = response.socket;
  if (socket === null) return;
  // Without this the bytes of a write that is still corked are lost, for a FIN too.
  await flushed(socket);
  onBreak();
  if (ending === "reset") socket.resetAndDestroy();
  else socket.destroySoon();
}

async function writePieces(plan: DeliveryPlan, response: ServerResponse, context: DeliveryContext): Promise<void> {
  const { signal, onSent } = context;
  let isFirst = true;
  for (const piece of plan.pieces) {
    // Node joins the writes of one turn to one chunk and one write to the socket.
    if (!isFirst) await pause(plan.delayMs, signal);
    isFirst = false;
    if (signal.aborted) return;
    if (piece.byteLength === 0) continue;
    const hasRoom = response.write(piece);
    onSent(piece.byteLength);
    if (!hasRoom) await roomAgain(response, signal);
  }
}

/** Writes an answer as planned; resolves when nothing more will be written, early where the client has left. */
export async function deliver(
  exchange: Exchange,
  plan: DeliveryPlan,
  response: ServerResponse,
  context: DeliveryContext,
): Promise<void> {
  const { signal } = context;
  if (plan.sendsHeaders) {
    writeHead(exchange, plan, response);
    await writePieces(plan, response, context);
  }
  if (signal.aborted) return;
  if (plan.ending === "end") {
    response.end();
    return;
  }
  if (plan.sendsHeaders && !response.headersSent) response.flushHeaders();
  if (plan.ending === "stall") await once(signal, "abort");
  else await breakConnection(plan.ending, response, context.onBreak);
}
