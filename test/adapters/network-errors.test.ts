import { describe, expect, test } from "@jest/globals";
import { networkError } from "../../src/adapters/network-errors.ts";
import { ExecutionError } from "../../src/errors.ts";

function fault(code: string): Error {
  return Object.assign(new Error("connect to 10.0.0.1 with key sk-123456"), { code });
}

describe("faults of the network", () => {
  test.each([
    ["UND_ERR_CONNECT_TIMEOUT", "PROVIDER_TIMEOUT", "UPSTREAM_STALLED"],
    ["UND_ERR_HEADERS_TIMEOUT", "PROVIDER_TIMEOUT", "UPSTREAM_STALLED"],
    ["UND_ERR_BODY_TIMEOUT", "PROVIDER_TIMEOUT", "UPSTREAM_STALLED"],
    ["ENOTFOUND", "PROVIDER_DNS", "UPSTREAM_TRUNCATED"],
    ["EAI_AGAIN", "PROVIDER_DNS", "UPSTREAM_TRUNCATED"],
    ["CERT_HAS_EXPIRED", "PROVIDER_TLS", "UPSTREAM_TRUNCATED"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "PROVIDER_TLS", "UPSTREAM_TRUNCATED"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "PROVIDER_TLS", "UPSTREAM_TRUNCATED"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "PROVIDER_TLS", "UPSTREAM_TRUNCATED"],
    ["UND_ERR_HEADERS_OVERFLOW", "PROVIDER_PROTOCOL", "UPSTREAM_TRUNCATED"],
    ["HPE_INVALID_CONSTANT", "PROVIDER_PROTOCOL", "PROVIDER_PROTOCOL"],
    ["HPE_INVALID_EOF_STATE", "PROVIDER_PROTOCOL", "UPSTREAM_TRUNCATED"],
    ["UND_ERR_SOCKET", "PROVIDER_NETWORK", "UPSTREAM_TRUNCATED"],
    ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "PROVIDER_NETWORK", "UPSTREAM_TRUNCATED"],
    ["ECONNREFUSED", "PROVIDER_NETWORK", "UPSTREAM_TRUNCATED"],
    ["ECONNRESET", "PROVIDER_NETWORK", "UPSTREAM_TRUNCATED"],
    ["UND_ERR_INVALID_ARG", "BUG", "UPSTREAM_TRUNCATED"],
  ])("%s is %s before the headers and %s after them", (code, before, after) => {
    expect(networkError(fault(code), "request").reason).toBe(before);
    expect(networkError(fault(code), "body").reason).toBe(after);
  });

  test("are found in what wraps them: fetch, and an attempt at several addresses", () => {
    const wrapped = new TypeError("fetch failed", { cause: fault("ENOTFOUND") });
    const collected = new AggregateError([fault("ECONNREFUSED"), fault("ENETUNREACH")], "all failed");
    expect(networkError(wrapped, "request").reason).toBe("PROVIDER_DNS");
    expect(networkError(collected, "request").message).toContain("ECONNREFUSED");
    expect(networkError("what?", "request").reason).toBe("PROVIDER_NETWORK");
  });

  // Mutant seen red: no phase but the request's, whatever the code.
  test("say whether anything was sent: not before there is a connection, and not by the codes of connecting", () => {
    const isUnsent = (code: string, phase: "connect" | "request" | "body") =>
      networkError(fault(code), phase).extras.unsent === true;
    for (const code of ["ECONNREFUSED", "UND_ERR_CONNECT_TIMEOUT", "ENOTFOUND", "CERT_HAS_EXPIRED"]) {
      expect([code, isUnsent(code, "request")]).toEqual([code, true]);
    }
    for (const code of ["ECONNRESET", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_SOCKET", "ETIMEDOUT"]) {
      expect([code, isUnsent(code, "connect"), isUnsent(code, "request")]).toEqual([code, true, false]);
    }
    expect(isUnsent("ERR_SSL_WRONG_VERSION_NUMBER", "body")).toBe(false);
  });

  test("say their code and nothing else of the fault", () => {
    const error = networkError(fault("ECONNRESET"), "body");
    expect(error.message).toContain("ECONNRESET");
    expect(error.message).not.toMatch(/10\.0\.0\.1|sk-/);
  });

  test("an ExecutionError stays as it is", () => {
    const error = new ExecutionError("CANCELLED", "gone");
    expect(networkError(error, "body")).toBe(error);
  });
});
