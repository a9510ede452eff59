import type { Config } from "../config/config.ts";
import { ExecutionError } from "../errors.ts";

/** Refuses requests that came under a foreign host name or from a foreign web page. */
export interface Guard {
  /** `host` is the Host header or `:authority`; `origin` the Origin header. Throws ORIGIN_DENIED. */
  check(host: string | undefined, origin: string | undefined): void;
  /** True if a browser page of this origin may call, for CORS answers. */
  allowsOrigin(origin: string, host: string | undefined): boolean;
}

/**
 * Creates the guard. Without API keys only loopback names and `allowed_hosts` are answered to, so that a web page cannot reach a local server
 * through a name of its own (DNS rebinding); with keys `allowed_hosts` restricts if it is set. A page's origin must be listed in
 * `allowed_origins`, or be the host it calls.
 */
export function createGuard({
  keys,
  allowedHosts,
  allowedOrigins,
}: Pick<Config, "keys" | "allowedHosts" | "allowedOrigins">): Guard {
  const hosts = new Set(allowedHosts.map((host) => host.toLowerCase()));
  const origins = new Set(allowedOrigins);
  const anyHost = keys.length > 0 && hosts.size === 0;
  const allowsOrigin = (origin: string, host: string | undefined): boolean =>
    origins.has(origin) || (host !== undefined && (origin === `http://${host}` || origin === `https://${host}`));
  return {
    allowsOrigin,
    check: (host, origin) => {
      const name = host === undefined ? undefined : hostName(host);
      if (!anyHost && name !== undefined && !isLoopbackName(name) && !hosts.has(name)) {
        throw new ExecutionError(
          "ORIGIN_DENIED",
          "this server does not answer to that host name; add it to `allowed_hosts`",
        );
      }
      if (origin !== undefined && !allowsOrigin(origin, host)) {
        throw new ExecutionError(
          "ORIGIN_DENIED",
          "this server does not answer pages of that origin; add it to `allowed_origins`",
        );
      }
    },
  };
}

/** `LOCALHOST:50051` to `localhost`, `[::1]:80` to `::1`. */
function hostName(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host)?.[1];
  return (bracketed ?? host.replace(/:\d+$/, "")).toLowerCase();
}

/** True for `localhost`, names below it, 127.0.0.0/8 and ::1. */
function isLoopbackName(name: string): boolean {
  return (
    name === "localhost" ||
    name.endsWith(".localhost") ||
    name === "::1" ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name)
  );
}
