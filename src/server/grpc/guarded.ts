import { ServerInterceptingCall, type ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { ExecutionError } from "../../errors.ts";
import type { Dispatcher } from "../dispatcher.ts";
import type { Guard } from "../guard.ts";
import type { Arrival, Arrivals } from "./arrivals.ts";
import { closeIfStalled, closeLater } from "./close-later.ts";
import { createPrefixReader } from "./frames.ts";
import { BIDI_PATHS } from "./standard.ts";
import { statusObject } from "./status.ts";
import type { TransportLimits } from "./transport.ts";

/** What guarding a call of a standard service needs. */
export interface GuardedDeps {
  readonly dispatcher: Dispatcher;
  readonly guard: Guard;
  readonly transport: TransportLimits;
}

/**
 * A call of a standard service, which grpc-js serves. These need no key, so whatever they take is bounded here: refused under a foreign name,
 * compressed, with a large message, or if its request does not end; closed if its answer is not taken.
 */
export function guarded(
  wire: ServerInterceptingCallInterface,
  arrivals: Arrivals,
  { dispatcher, guard, transport }: GuardedDeps,
): ServerInterceptingCall {
  let refused = false;
  let taken: Arrival | undefined;
  const closeTaken = (): void => {
    if (taken !== undefined) closeLater(taken.stream, transport.stallMs);
  };
  const refuse = (thrown: unknown): void => {
    if (refused) return;
    refused = true;
    wire.sendStatus(statusObject(dispatcher.status(thrown)));
    closeTaken();
  };
  return new ServerInterceptingCall(wire, {
    start: (next) =>
      next({
        onReceiveMetadata: (metadata, pass) => {
          const arrival = arrivals.take(metadata);
          taken = arrival;
          try {
            guard.check(wire.getHost(), arrival?.header("origin"));
            refuseCompression(arrival);
          } catch (thrown) {
            refuse(thrown);
            return;
          }
          if (arrival !== undefined) bound(arrival, transport, refuse);
          pass(metadata);
        },
      }),
    sendMessage: (message, next) => {
      next(message);
      if (taken !== undefined) closeIfStalled(taken.stream, transport.stallMs);
    },
    sendStatus: (status, next) => {
      next(status);
      closeTaken();
    },
  });
}

function refuseCompression(arrival: Arrival | undefined): void {
  if (arrival?.encoding === undefined || arrival.encoding === "identity") return;
  throw new ExecutionError("UNIMPLEMENTED", "requests of this service may not be compressed");
}

/** Bounds each message, and the time in which the request ends; of a stream of requests the time until the next. */
function bound(
  { stream, path }: Arrival,
  { maxServiceRequestBytes, requestMs, idleMs }: TransportLimits,
  refuse: (thrown: unknown) => void,
): void {
  const streams = BIDI_PATHS.has(path);
  const late = setTimeout(
    () => refuse(new ExecutionError("DEADLINE", "the request did not end in time")),
    streams ? idleMs : requestMs,
  );
  const readPrefixes = createPrefixReader(({ size }) => {
    if (size <= maxServiceRequestBytes) return;
    const most = `this service takes at most ${maxServiceRequestBytes}`;
    refuse(new ExecutionError("MESSAGE_TOO_LARGE", `the message has ${size} bytes; ${most}`));
  });
  stream.prependListener("data", (chunk: Uint8Array) => {
    if (streams) late.refresh();
    readPrefixes(chunk);
  });
  stream.once("end", () => clearTimeout(late)).once("close", () => clearTimeout(late));
}
