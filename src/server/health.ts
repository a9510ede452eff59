import { ExecutionError } from "../errors.ts";
import { HealthCheckResponse_ServingStatus as ServingStatus } from "../gen/grpc/health/v1/health_pb.js";

/**
 * Says whether services are served, as grpc.health.v1 means it, on any wire: SERVING until the server drains, then NOT_SERVING, as it is while
 * the ledger cannot be written to. The empty name is the server as a whole.
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

/** How often it is looked, for those who watch, whether the server can serve, in milliseconds. */
const LOOK_MS = 1000;

/**
 * Creates the health of these services; `draining` fires when the server begins to drain, and `canServe` says whether it can serve until then. Who
 * watches is told of the drain at once, and of what else changes within `lookMs`.
 */
export function createHealth(
  serviceNames: readonly string[],
  draining: AbortSignal,
  canServe: () => boolean,
  lookMs = LOOK_MS,
): Health {
  const names = new Set(["", ...serviceNames]);
  const now = (): ServingStatus =>
    draining.aborted || !canServe() ? ServingStatus.NOT_SERVING : ServingStatus.SERVING;
  const statusOf = (service: string): ServingStatus => (names.has(service) ? now() : ServingStatus.SERVICE_UNKNOWN);
  /** Who waits for a change, and what of. */
  const waiting = new Map<() => void, { readonly service: string; readonly told: ServingStatus }>();
  const look = (): void => {
    for (const [wake, { service, told }] of waiting) if (statusOf(service) !== told) wake();
  };
  draining.addEventListener("abort", look, { once: true });
  let watchers = 0;
  let looking: NodeJS.Timeout | undefined;
  const enter = (): void => {
    if (watchers >= MAX_WATCHERS)
      throw new ExecutionError("OVERLOADED", "too many watch the health", { retryAfterMs: 1000 });
    watchers += 1;
    looking ??= setInterval(look, lookMs).unref();
  };
  const leave = (): void => {
    watchers -= 1;
    if (watchers > 0) return;
    clearInterval(looking);
    looking = undefined;
  };
  const change = async (service: string, told: ServingStatus, signal: AbortSignal): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    waiting.set(wake, { service, told });
    signal.addEventListener("abort", wake, { once: true });
    if (!signal.aborted) await promise;
    waiting.delete(wake);
    signal.removeEventListener("abort", wake);
  };
  return {
    check: (service) => (names.has(service) ? now() : undefined),
    list: () => new Map([...names].map((name) => [name, statusOf(name)])),
    watch: async function* watch(service, signal) {
      enter();
      try {
        let told: ServingStatus | undefined;
        while (told === undefined || !signal.aborted) {
          const status = statusOf(service);
          if (status === told) {
            await change(service, told, signal);
          } else {
            told = status;
            yield status;
          }
        }
      } finally {
        leave();
      }
    },
  };
}
