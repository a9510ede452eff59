import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Http2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { createRoster } from "../roster.ts";
import { createOverhead, type Overhead } from "./overhead.ts";
import type { Peer, Peers } from "./peers.ts";
import { inTurn, NOBODY } from "./turns.ts";

/** What a listener allows a connection before it has made a request. Times in milliseconds. */
export interface ConnectionLimits {
  /** How long a connection may say nothing at first; and no more than `handshakeBytes`, if that is set. */
  readonly firstBytesMs: number;
  /** Bytes that a client of the protocol cannot do without before its first request. */
  readonly handshakeBytes: number;
  /** How long a connection may go without its first request. */
  readonly firstRequestMs: number;
}

/** Node's channel on which every HTTP/2 stream of the process is shown before any handler sees it. */
export const STREAM_CREATED = "http2.server.stream.created";

/** One connection of a listener. Its requests of HTTP/2 are seen by themselves. */
export interface Connection {
  /** Counts a request of HTTP/1.1, and whether it was answered. */
  began(): void;
  answered(): void;
  /** Says that it speaks HTTP/2, which can send frames without end that belong to no request. */
  speaksHttp2(): void;
}

/** The connections of one listener. */
export interface Connections {
  /** Takes a connection, or destroys it: a peer that has too many, or is locked out. */
  admit(socket: Socket): Connection | undefined;
  /** The connection a session is on; undefined if it is another listener's. */
  of(session: Http2Session | undefined): Connection | undefined;
  /** The connection of a socket, or of what Node shows of it. */
  find(socket: SocketName): Connection | undefined;
  /** Destroys all at once. */
  destroyAll(): void;
  /** Sees no more requests. */
  close(): void;
}

/** What names a socket, also where Node hides the socket itself. */
export type SocketName = Pick<Socket, "remoteAddress" | "remotePort" | "localPort">;

/** How often the connections are looked at, in milliseconds. */
const LOOK_MS = 250;

interface Open extends Connection {
  readonly socket: Socket;
  /** Watches a request of HTTP/2: whether it is answered, and what its body is of what the connection sends. */
  watch(stream: ServerHttp2Stream, session: Http2Session): void;
  look(now: number): void;
}

/**
 * Creates the guard over a listener's connections. A connection that is silent, never makes a request, or sends much that belongs to no request
 * is destroyed; what is wrong with it counts against its peer.
 */
export function createConnections(peers: Peers, limits: ConnectionLimits, monotonicMs: () => number): Connections {
  const open = new Map<string, Open>();
  const bySession = new WeakMap<Http2Session, Open>();
  let looking: NodeJS.Timeout | undefined;

  const look = (): void => {
    const now = monotonicMs();
    for (const connection of open.values()) connection.look(now);
    peers.sweep();
    if (open.size > 0 || peers.size > 0) return;
    clearInterval(looking);
    looking = undefined;
  };

  const of = (session: Http2Session | undefined): Open | undefined => {
    if (session === undefined) return undefined;
    const known = bySession.get(session);
    if (known !== undefined || session.destroyed) return known;
    const found = open.get(nameOf(session.socket));
    if (found !== undefined) bySession.set(session, found);
    return found;
  };

  // Later than here a request that is reset in the same read would have come and gone.
  const onCreated = (message: unknown): void => {
    const { stream } = message as { stream: ServerHttp2Stream };
    const { session } = stream;
    if (session !== undefined) of(session)?.watch(stream, session);
  };
  subscribe(STREAM_CREATED, onCreated);

  return {
    admit: (socket) => {
      const peer = peers.admit(socket.remoteAddress ?? "");
      if (peer === undefined) {
        socket.destroy();
        return undefined;
      }
      socket.on("error", () => socket.destroy());
      const name = nameOf(socket);
      const connection = createConnection(socket, peer, limits, monotonicMs());
      open.set(name, connection);
      socket.once("close", () => {
        if (open.get(name) === connection) open.delete(name);
      });
      // Ends by itself once there is nothing to look at, and keeps no process alive.
      looking ??= setInterval(look, LOOK_MS).unref();
      return connection;
    },
    of,
    find: (socket) => open.get(nameOf(socket)),
    destroyAll: () => {
      for (const { socket } of open.values()) socket.destroy();
    },
    close: () => {
      unsubscribe(STREAM_CREATED, onCreated);
    },
  };
}

function createConnection(socket: Socket, peer: Peer, limits: ConnectionLimits, openedAtMs: number): Open {
  let begun = 0;
  let ended = 0;
  let fruitful = false;
  let overhead: Overhead | undefined;
  /** Requests of HTTP/2 that go on. */
  const streams = createRoster<ServerHttp2Stream>();
  const waiting = (): number => streams.all().reduce((sum, stream) => sum + unreadOf(stream), 0);
  socket.once("close", () => {
    peer.leave();
    // A client that dies with calls under way is no attacker; one that only ever leaves is.
    if (!fruitful) peer.fault(1 + begun - ended);
  });
  return {
    socket,
    speaksHttp2: () => {
      overhead ??= createOverhead(socket, openedAtMs);
    },
    began: () => {
      begun += 1;
    },
    answered: () => {
      ended += 1;
      fruitful = true;
    },
    watch: (stream, session) => {
      begun += 1;
      overhead?.request();
      const leave = streams.add(stream);
      // Not `on`, which would make the body flow before its reader is there.
      stream.prependListener("data", (chunk: Uint8Array) => overhead?.body(chunk.length));
      // Whoever serves the stream listens too; one that is reset before has nobody, and the event would end the process.
      stream.on("error", () => undefined);
      stream.once("aborted", () => {
        if (stream.headersSent || session.destroyed) return;
        ended += 1;
        // At once: what else was read together with this reset is then thrown away below JavaScript.
        if (!peer.fault(1)) session.destroy();
      });
      stream.once("close", () => {
        leave();
        if (!stream.headersSent) return;
        ended += 1;
        fruitful = true;
      });
    },
    look: (now) => {
      if (overhead?.isTooMuch(now, waiting) === true) {
        peer.lockOut("frames that belong to no request");
        socket.destroy();
        return;
      }
      if (begun > 0) return;
      const age = now - openedAtMs;
      const silent = socket.bytesRead === 0 || socket.bytesRead < limits.handshakeBytes;
      if (age >= (silent ? limits.firstBytesMs : limits.firstRequestMs)) endLater(socket);
    },
  };
}

function endLater(socket: Socket): void {
  inTurn(NOBODY, () => {
    if (socket.destroyed) return false;
    socket.destroy();
    return true;
  });
}

/** Bytes of a body that came and were not read, to half a window: what its window has shrunk by. */
function unreadOf({ session, state }: ServerHttp2Stream): number {
  const window = session?.localSettings.initialWindowSize ?? 0;
  return Math.max(0, window - (state.localWindowSize ?? window));
}

function nameOf({ remoteAddress, remotePort, localPort }: SocketName): string {
  return `${remoteAddress} ${remotePort} ${localPort}`;
}
