import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createRandom, type Random } from "../emulators/random.ts";
import { closeSide, corrupted, cutAfter, delayed, LinkBroken, sliced, slowed, tlsRecords } from "./fault-streams.ts";

/** One way in which a link misbehaves, in one direction. Counts of bytes are from the connection's beginning. */
export type Fault =
  /** Each piece arrives so much later, plus up to `jitterMs`; order is kept. */
  | { readonly kind: "latency"; readonly ms: number; readonly jitterMs?: number }
  /** No more bytes than this pass in a second. */
  | { readonly kind: "bandwidth"; readonly bytesPerSecond: number }
  /** Cuts what passes into pieces of random lengths, each a write of its own, with a pause after each. */
  | { readonly kind: "slicer"; readonly minimum: number; readonly maximum: number; readonly delayMs?: number }
  /** After so many bytes nothing passes, and nobody is told. */
  | { readonly kind: "stall"; readonly afterBytes: number }
  /** After so many bytes both ends get a RST. */
  | { readonly kind: "reset"; readonly afterBytes: number }
  /** After so many bytes the receiving end is told that no more comes; the other direction goes on. */
  | { readonly kind: "half-close"; readonly afterBytes: number }
  /** Everything is taken and nothing passes. In the direction `up` the target is never connected to. */
  | { readonly kind: "black-hole" }
  /** A random bit is turned over in about every `everyBytes`th byte, from `afterBytes` on. */
  | { readonly kind: "corrupt"; readonly everyBytes: number; readonly afterBytes?: number }
  /** Breaks the connection by RST in place of TLS record number `record`, counted from 0. Handshake and data are records alike. */
  | { readonly kind: "tls-drop"; readonly record: number };

/** Faults by direction, applied in their order: `up` from the client to the target, `down` back. */
export interface FaultPlan {
  readonly up?: readonly Fault[];
  readonly down?: readonly Fault[];
}

/** How a proxy is set up. */
export interface FaultProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** Decides everything random. The same seed does the same to the same bytes, however they are packed. */
  readonly seed: number;
  /** What happens to a connection, by its number from 0. Default: nothing. */
  readonly plan?: FaultPlan | ((connection: number) => FaultPlan);
}

/**
 * A TCP proxy that misbehaves as it is told. Each end learns of the other's end or RST as it would without a proxy; a client that is gone but only
 * said FIN looks like one that still reads, and is kept while the direction to it is held back.
 */
export interface FaultProxy {
  readonly port: number;
  readonly seed: number;
  /** Connections so far. */
  connections(): number;
  /** Connections that are open on either side. */
  open(): number;
  /** Changes what happens to connections from now on. */
  setPlan(plan: NonNullable<FaultProxyOptions["plan"]>): void;
  /** Cuts every connection and gives up the port. Rejects with whatever went wrong that was no fault. */
  close(): Promise<void>;
}

/** Starts a proxy on a free port of 127.0.0.1. */
export async function createFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const { target, seed } = options;
  let plan = options.plan ?? {};
  let count = 0;
  const sockets = new Set<Socket>();
  const problems: unknown[] = [];
  const links = new Set<Promise<void>>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
    return socket.setNoDelay(true);
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const number = count;
    count += 1;
    const faults = typeof plan === "function" ? plan(number) : plan;
    const dial = (): Socket => keep(connect({ ...target, allowHalfOpen: true }));
    const linked = link(keep(client), dial, faults, [
      createRandom(seed + 2 * number),
      createRandom(seed + 2 * number + 1),
    ])
      .catch((thrown: unknown) => {
        problems.push(thrown);
      })
      .finally(() => links.delete(linked));
    links.add(linked);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    seed,
    connections: () => count,
    open: () => sockets.size,
    setPlan: (next) => {
      plan = next;
    },
    close: async () => {
      await closeAll(server, sockets);
      await Promise.all(links);
      if (problems.length > 0) throw problems[0];
    },
  };
}

async function closeAll(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, "close");
  server.close();
  for (const socket of sockets) socket.destroy();
  await closed;
}

/** Passes bytes both ways until both directions have ended or the link breaks. */
async function link(
  client: Socket,
  dial: () => Socket,
  { up = [], down = [] }: FaultPlan,
  [upRandom, downRandom]: readonly [Random, Random],
): Promise<void> {
  if (up.some(({ kind }) => kind === "black-hole")) {
    client.resume();
    await gone(client);
    return;
  }
  const target = dial();
  const left = new AbortController();
  const cut = (): void => {
    left.abort();
    client.destroy();
    target.destroy();
  };
  // Whoever breaks one side breaks the other, as a link without a proxy would.
  client.once("error", cut);
  target.once("error", cut);
  client.once("close", () => left.abort());
  try {
    await Promise.all([
      pass(client, target, up, upRandom, left.signal),
      pass(target, client, down, downRandom, left.signal),
    ]);
  } catch (thrown) {
    if (!(thrown instanceof LinkBroken)) throw thrown;
    client.resetAndDestroy();
    target.resetAndDestroy();
  } finally {
    cut();
  }
}

async function pass(
  from: Socket,
  to: Socket,
  faults: readonly Fault[],
  random: Random,
  left: AbortSignal,
): Promise<void> {
  let bytes: AsyncIterable<Buffer> = received(from, left);
  for (const fault of faults) bytes = apply(fault, bytes, random, left);
  for await (const piece of bytes) {
    if (to.destroyed || !to.writable) return;
    if (!to.write(piece)) await Promise.race([once(to, "drain").catch(() => undefined), gone(to)]);
  }
  await closeSide(to);
}

function apply(fault: Fault, bytes: AsyncIterable<Buffer>, random: Random, left: AbortSignal): AsyncIterable<Buffer> {
  switch (fault.kind) {
    case "latency":
      return delayed(bytes, () => fault.ms + random() * (fault.jitterMs ?? 0), left);
    case "bandwidth":
      return slowed(bytes, fault.bytesPerSecond, left);
    case "slicer":
      return sliced(bytes, fault, random, left);
    case "stall":
      return cutAfter(bytes, fault.afterBytes, "stall", left);
    case "black-hole":
      return cutAfter(bytes, 0, "stall", left);
    case "half-close":
      return cutAfter(bytes, fault.afterBytes, "end", left);
    case "reset":
      return cutAfter(bytes, fault.afterBytes, "reset", left);
    case "corrupt":
      return corrupted(bytes, fault.everyBytes, fault.afterBytes ?? 0, random);
    case "tls-drop":
      return tlsRecords(bytes, fault.record);
  }
}

/** What a socket receives, until its peer has said all, or is gone. */
async function* received(socket: Socket, left: AbortSignal): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) yield chunk;
  } catch (thrown) {
    // A side that breaks ends the link by its own event.
    if (!(left.aborted || socket.destroyed)) throw thrown;
  }
}

async function gone(socket: Socket): Promise<void> {
  if (!socket.closed) await once(socket, "close").catch(() => undefined);
}
