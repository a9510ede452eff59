import { ExecutionError, type Reason } from "../errors.ts";

/**
 * When a fault hit: while there was no connection yet, while the request was on its way, or while the response's body was read. Who cannot see
 * when a connection is there says "request" for both.
 */
export type ExchangePhase = "connect" | "request" | "body";

const TIMEOUTS: ReadonlySet<string> = new Set([
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "ETIMEDOUT",
]);

/** Codes of OpenSSL's certificate checks, as Node names them (nodejs.org/api/tls.html, X509 certificate error codes). */
const CERTIFICATE =
  /^(CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_|ERR_SSL_|EPROTO$|HOSTNAME_MISMATCH$|INVALID_CA$|INVALID_PURPOSE$|PATH_LENGTH_EXCEEDED$)/;

/** Codes of connecting alone. Those of certificates are too; names are resolved before. */
const CONNECTING: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** What the fault of a network is called in a message, by reason. */
const WORDS = {
  PROVIDER_TIMEOUT: "the provider did not answer in time",
  PROVIDER_DNS: "the provider's host name could not be resolved",
  PROVIDER_TLS: "the provider's TLS certificate or handshake was refused",
  PROVIDER_PROTOCOL: "the provider broke HTTP",
  PROVIDER_NETWORK: "the connection to the provider failed",
  BUG: "the request to the provider could not be formed",
  UPSTREAM_STALLED: "the provider stopped sending in the middle of its answer",
  UPSTREAM_TRUNCATED: "the provider's answer broke off before its end",
} as const satisfies Partial<Record<Reason, string>>;

/**
 * Reads what an HTTP client threw as an ExecutionError: PROVIDER_TIMEOUT, _DNS, _TLS, _PROTOCOL or _NETWORK before the response's headers,
 * UPSTREAM_STALLED, PROVIDER_PROTOCOL or UPSTREAM_TRUNCATED while its body is read; `unsent` if no connection came about. An ExecutionError
 * stays as it is. The message holds the fault's code, never the URL.
 */
export function networkError(thrown: unknown, phase: ExchangePhase): ExecutionError {
  if (thrown instanceof ExecutionError) return thrown;
  const code = faultCode(thrown) ?? "";
  const reason = phase === "body" ? bodyReason(code) : requestReason(code);
  const isUnsent = phase === "connect" || (phase === "request" && isOfConnecting(code));
  return new ExecutionError(reason, code === "" ? WORDS[reason] : `${WORDS[reason]} (${code})`, {
    cause: thrown,
    ...(isUnsent && { unsent: true }),
  });
}

function isOfConnecting(code: string): boolean {
  const reason = requestReason(code);
  return reason === "PROVIDER_DNS" || reason === "PROVIDER_TLS" || CONNECTING.has(code);
}

function requestReason(code: string): keyof typeof WORDS {
  if (TIMEOUTS.has(code)) return "PROVIDER_TIMEOUT";
  if (code === "ENOTFOUND" || code.startsWith("EAI_")) return "PROVIDER_DNS";
  if (CERTIFICATE.test(code)) return "PROVIDER_TLS";
  if (code === "UND_ERR_HEADERS_OVERFLOW" || code.startsWith("HPE_")) return "PROVIDER_PROTOCOL";
  return code === "UND_ERR_INVALID_ARG" ? "BUG" : "PROVIDER_NETWORK";
}

function bodyReason(code: string): keyof typeof WORDS {
  if (TIMEOUTS.has(code)) return "UPSTREAM_STALLED";
  return code.startsWith("HPE_") && code !== "HPE_INVALID_EOF_STATE" ? "PROVIDER_PROTOCOL" : "UPSTREAM_TRUNCATED";
}

/** The code of a fault, or of what caused it: `fetch` wraps, and connecting to several addresses collects. */
function faultCode(thrown: unknown, depth = 0): string | undefined {
  if (typeof thrown !== "object" || thrown === null || depth > 4) return undefined;
  const { code, cause, errors } = thrown as {
    readonly code?: unknown;
    readonly cause?: unknown;
    readonly errors?: unknown;
  };
  if (typeof code === "string" && code !== "") return code;
  return faultCode(cause, depth + 1) ?? faultCode(Array.isArray(errors) ? errors[0] : undefined, depth + 1);
}
