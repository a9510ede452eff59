import * as h2 from "../h2raw.ts";
import { connectRaw, FLAG, FRAME, PREFACE, type RawHttp2, type Setting, settings, settingsAck } from "../h2raw.ts";
import type { Wire } from "./callers.ts";

/** What an attack is aimed at, and its bounds. */
export interface AttackTarget {
  readonly wire: Wire;
  readonly port: number;
  /** The address it comes from, which no caller has. */
  readonly localAddress: string;
  /** True until its time is over. */
  readonly on: () => boolean;
}

/** What an attack opened: connections, or requests where that is what has to be ended. */
export interface AttackOutcome {
  readonly opened: number;
  /** Of these, what the gateway had ended when the attack gave up waiting for it. */
  readonly ended: number;
}

/** One way to abuse a listener, in a bounded number of connections. */
export interface Attack {
  readonly name: string;
  /** The guard without which it was seen to break a promise; what guards where it is none of ours. */
  readonly mutant: string;
  readonly wires: readonly Wire[];
  /** A longer turn than others may take, and why it cannot be shorter. */
  readonly turn?: { readonly ms: number; readonly because: string };
  run(target: AttackTarget): Promise<AttackOutcome>;
}

/** How long an attack waits for the gateway to end what it opened, in milliseconds. */
const PATIENCE_MS = 12_000;

/** The headers of a Chat on a wire, as a block. */
export function chatBlock(wire: Wire, extra: Readonly<Record<string, string>> = {}): Buffer {
  return h2.block({
    ":method": "POST",
    ":scheme": "http",
    ":path": wire === "grpc" ? "/execution.v1.ExecutionService/Chat" : "/chat",
    ":authority": "localhost",
    "content-type": wire === "grpc" ? "application/grpc" : "application/json",
    ...(wire === "grpc" ? { te: "trailers" } : {}),
    ...extra,
  });
}

/** Opens a connection of HTTP/2 as a client does that behaves until then. */
export async function greet(target: AttackTarget, ...values: readonly Setting[]): Promise<RawHttp2> {
  const raw = await connectRaw(target);
  raw.send(PREFACE, settings(...values), settingsAck());
  return raw;
}

/** Waits until all of these are gone, or patience is over, and says how many are. */
export async function countGone(connections: readonly RawHttp2[]): Promise<AttackOutcome> {
  await Promise.race([Promise.all(connections.map(({ gone }) => gone)), pause(PATIENCE_MS)]);
  const ended = connections.filter(({ closed }) => closed()).length;
  for (const connection of connections) connection.destroy();
  return { opened: connections.length, ended };
}

/** Waits until each stream has been ended or reset or its connection is gone, and says how many are. */
export async function countEnded(connection: RawHttp2, streamIds: readonly number[]): Promise<AttackOutcome> {
  const open = new Set(streamIds);
  let seen = 0;
  const look = (): void => {
    for (; seen < connection.frames.length; seen += 1) {
      const frame = connection.frames[seen];
      if (frame !== undefined && endsStream(frame)) open.delete(frame.streamId);
    }
    if (connection.closed()) open.clear();
  };
  const endsAt = performance.now() + PATIENCE_MS;
  while (performance.now() < endsAt) {
    look();
    if (open.size === 0) break;
    await pause(50);
  }
  connection.destroy();
  return { opened: streamIds.length, ended: streamIds.length - open.size };
}

function endsStream({ type, flags }: h2.RawFrame): boolean {
  return type === FRAME.reset || ((type === FRAME.headers || type === FRAME.data) && (flags & FLAG.endStream) !== 0);
}

/** Makes an attack again and again until its time is over, and adds up what came of it. */
export async function repeat(target: AttackTarget, once: () => Promise<AttackOutcome>): Promise<AttackOutcome> {
  let opened = 0;
  let ended = 0;
  do {
    const outcome = await once();
    opened += outcome.opened;
    ended += outcome.ended;
    await pause(100);
  } while (target.on());
  return { opened, ended };
}

/** Waits so many milliseconds. */
export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
