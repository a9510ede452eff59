import { ExecutionError } from "../errors.ts";
import { HealthCheckResponse_ServingStatus as ServingStatus } from "../gen/grpc/health/v1/health_pb.js";

/**
 * Says whether services are served, as grpc.health.v1 means it, on any wire: SERVING until the server drains, then NOT_SERVING, as it is while
 * the ledger cannot be written to. The empty name
 * is the server as a whole.
 */
export interface Health {
  /** Status of a service; undefined if there is no such service. */
  check(service: string): ServingStatus | undefined;
  /** Every service by name. */
  list(): ReadonlyMap<string, ServingStatus>;
  /**
   * The status now and whenever it changes, until the signal fires. An unknown service is SERVICE_UNKNOWN. Throws OVERLOADED if there are too many
   * who watch, since that needs no key and does not end.
   */
  watch(service: string, signal: AbortSignal): AsyncIterable<ServingStatus>;
}

/** Calls that watch at once. */
const MAX_WATCHERS = 1000;

/**
 * Creates the health of these services; `draining` fires when the server begins to drain, and `canServe` says whether it can serve until then. Who
 * watches is told of the drain alone.
 */
export function createHealth(serviceNames: readonly string[], draining: AbortSignal, canServe: () => boolean): Health {
  const names = new Set(["", ...serviceNames]);
  const now = (): ServingStatus =>
    draining.aborted || !canServe() ? ServingStatus.NOT_SERVING : ServingStatus.SERVING;
  let watchers = 0;
  const changes = async function* changes(service: string, signal: AbortSignal): AsyncGenerator<ServingStatus> {
    if (!names.has(service)) {
      yield ServingStatus.SERVICE_UNKNOWN;
    } else if (!draining.aborted) {
      yield ServingStatus.SERVING;
      await firstOf(draining, signal);
      if (!signal.aborted) yield ServingStatus.NOT_SERVING;
    } else {
      yield ServingStatus.NOT_SERVING;
    }
    await firstOf(signal);
  };
  return {
    check: (service) => (names.has(service) ? now() : undefined),
    list: () => new Map([...names].map((name) => [name, now()])),
    watch: async function* watch(service, signal) {
      if (watchers >= MAX_WATCHERS)
        throw new ExecutionError("OVERLOADED", "too many watch the health", { retryAfterMs: 1000 });
      watchers += 1;
      try {
        yield* changes(service, signal);
      } finally {
        watchers -= 1;
      }
    },
  };
}

/** Waits until one of the signals has fired. */
async function firstOf(...signals: readonly AbortSignal[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const settle = (): void => resolve();
  for (const signal of signals) {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", settle, { once: true });
  }
  await promise;
  for (const signal of signals) signal.removeEventListener("abort", settle);
}
