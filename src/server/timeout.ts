import { ExecutionError } from "../errors.ts";
import type { HeaderLookup } from "./auth.ts";

/** Header with a caller's deadline: milliseconds on Connect, REST and SSE; amount and unit on gRPC and gRPC-Web. */
export type TimeoutHeader = "connect-timeout-ms" | "grpc-timeout";

/** Milliseconds of each unit of `grpc-timeout`. */
const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ["H", 3_600_000],
  ["M", 60_000],
  ["S", 1000],
  ["m", 1],
  ["u", 1e-3],
  ["n", 1e-6],
]);

/** A caller's deadline, or what is wrong with it; neither if it sent none. */
export interface AskedTimeout {
  readonly timeoutMs?: number;
  /** INVALID_FIELD that names the header; for after authentication. */
  readonly problem?: ExecutionError;
}

/**
 * Reads the deadline a request brings. `connect-timeout-ms` is at most 10 digits (Connect protocol), `grpc-timeout` at most 8 digits and one of
 * H, M, S, m, u, n (gRPC over HTTP/2).
 */
export function readTimeout(header: HeaderLookup, name: TimeoutHeader): AskedTimeout {
  const value = header(name);
  if (value === undefined) return {};
  if (name === "connect-timeout-ms") {
    return /^\d{1,10}$/.test(value)
      ? { timeoutMs: Number(value) }
      : { problem: malformed(name, "milliseconds, at most 10 digits") };
  }
  const [, amount, unit] = /^(\d{1,8})([HMSmun])$/.exec(value) ?? [];
  const unitMs = unit === undefined ? undefined : UNIT_MS.get(unit);
  return unitMs === undefined
    ? { problem: malformed(name, "at most 8 digits and a unit of H, M, S, m, u, n") }
    : { timeoutMs: Number(amount) * unitMs };
}

function malformed(field: string, description: string): ExecutionError {
  return new ExecutionError("INVALID_FIELD", `the header ${field} must be ${description}`, {
    fields: [{ field, description: `must be ${description}` }],
  });
}
