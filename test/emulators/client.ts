import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";

/** What a plain HTTP/1.1 client saw of one answer. */
export interface PlainAnswer {
  /** Undefined where no headers came. */
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  /** The body as the parser handed it over: at least one piece for each chunk on the wire. */
  readonly pieces: readonly Uint8Array[];
  readonly body: Uint8Array;
  /** Whether HTTP itself says that the body is whole. */
  readonly complete: boolean;
  /** The connection's or the parser's error code, such as "ECONNRESET"; undefined where nothing went wrong. */
  readonly errorCode: string | undefined;
}

function codeOf(error: unknown): string {
  // Not `instanceof Error`: under Jest the errors of Node's own modules come from another realm.
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : String(error);
}

/** How a plain client sends. */
export interface PostOptions {
  /** Makes the client leave. */
  readonly signal?: AbortSignal;
  /** Sees each piece as it comes. */
  readonly onPiece?: (piece: Uint8Array) => void;
  /** Keeps connections; default a connection of its own. */
  readonly agent?: Agent;
}

/**
 * Sends one POST and collects the answer; a broken connection is part of the result and no rejection.
 */
export async function post(url: string, body: string, options: PostOptions = {}): Promise<PlainAnswer> {
  const pieces: Uint8Array[] = [];
  let errorCode: string | undefined;
  const outgoing = request(url, {
    method: "POST",
    agent: options.agent ?? false,
    headers: { "content-type": "application/json" },
    ...(options.signal !== undefined && { signal: options.signal }),
  });
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const fail = (error: unknown) => {
    errorCode ??= codeOf(error);
    end();
  };
  let incoming: IncomingMessage | undefined;
  outgoing.on("error", fail);
  outgoing.on("response", (response) => {
    incoming = response;
    // Listeners, not an async iterator: that one drops what is still buffered when the connection breaks.
    response.on("data", (piece: Uint8Array) => {
      pieces.push(piece);
      options.onPiece?.(piece);
    });
    response.on("error", fail);
    response.on("close", end);
  });
  outgoing.end(body);
  await over;
  return {
    status: incoming?.statusCode,
    headers: incoming?.headers ?? {},
    pieces,
    body: Buffer.concat(pieces),
    complete: incoming?.complete ?? false,
    errorCode,
  };
}
