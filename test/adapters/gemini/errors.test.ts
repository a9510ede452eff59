import { describe, expect, test } from "@jest/globals";
import { readError, readErrorValue } from "../../../src/adapters/gemini/errors.ts";
import { Code } from "../../../src/gen/google/rpc/code_pb.js";

const read = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  readError({ status, headers, body: typeof body === "string" ? body : JSON.stringify(body) }, 0);
const said = (code: number, status: string, message = "no", details: readonly object[] = []) => ({
  error: { code, status, message, details },
});
const info = (reason: string) => ({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason });
const quota = (quotaId: string, quotaValue = "20") => ({
  "@type": "type.googleapis.com/google.rpc.QuotaFailure",
  violations: [{ quotaMetric: "m", quotaId, quotaValue }],
});
const retry = (retryDelay: string) => ({ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay });

describe("refusals", () => {
  test.each([
    ["an invalid field", said(400, "INVALID_ARGUMENT"), "PROVIDER_REJECTED", Code.INVALID_ARGUMENT],
    [
      "a bad key",
      said(400, "INVALID_ARGUMENT", "API key not valid.", [info("API_KEY_INVALID")]),
      "PROVIDER_AUTH",
      Code.UNAVAILABLE,
    ],
    [
      "an expired token",
      said(401, "UNAUTHENTICATED", "no", [info("ACCESS_TOKEN_EXPIRED")]),
      "PROVIDER_AUTH",
      Code.UNAVAILABLE,
    ],
    [
      "a leaked key",
      said(403, "PERMISSION_DENIED", "Your API key was reported as leaked."),
      "PROVIDER_AUTH",
      Code.UNAVAILABLE,
    ],
    [
      "too many tokens",
      said(400, "INVALID_ARGUMENT", "The input token count (2) exceeds the maximum number of tokens allowed (1)."),
      "CONTEXT_TOO_LONG",
      Code.INVALID_ARGUMENT,
    ],
    [
      "too many bytes",
      said(400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."),
      "MESSAGE_TOO_LARGE",
      Code.RESOURCE_EXHAUSTED,
    ],
    [
      "no billing",
      said(400, "FAILED_PRECONDITION", "Please enable billing on your project."),
      "PROVIDER_QUOTA",
      Code.RESOURCE_EXHAUSTED,
    ],
    [
      "the wrong country",
      said(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
      "PROVIDER_PERMISSION",
      Code.UNAVAILABLE,
    ],
    [
      "another precondition",
      said(400, "FAILED_PRECONDITION", "The file is not in an ACTIVE state."),
      "PROVIDER_REJECTED",
      Code.INVALID_ARGUMENT,
    ],
    [
      "no right",
      said(403, "PERMISSION_DENIED", "no", [info("IAM_PERMISSION_DENIED")]),
      "PROVIDER_PERMISSION",
      Code.UNAVAILABLE,
    ],
    [
      "an API that is off",
      said(403, "PERMISSION_DENIED", "no", [info("SERVICE_DISABLED")]),
      "PROVIDER_PERMISSION",
      Code.UNAVAILABLE,
    ],
    [
      "no billing account",
      said(403, "PERMISSION_DENIED", "no", [info("BILLING_DISABLED")]),
      "PROVIDER_QUOTA",
      Code.RESOURCE_EXHAUSTED,
    ],
    [
      "no such model",
      said(404, "NOT_FOUND", "models/x is not found for API version v1beta"),
      "PROVIDER_MODEL_GONE",
      Code.UNAVAILABLE,
    ],
    ["a conflict", said(409, "ABORTED"), "PROVIDER_CONFLICT", Code.ABORTED],
    [
      "a rate",
      said(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."),
      "PROVIDER_RATE_LIMITED",
      Code.RESOURCE_EXHAUSTED,
    ],
    [
      "no money",
      said(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."),
      "PROVIDER_QUOTA",
      Code.RESOURCE_EXHAUSTED,
    ],
    [
      "a spending cap",
      said(429, "RESOURCE_EXHAUSTED", "Your project has exceeded its monthly spending cap."),
      "PROVIDER_QUOTA",
      Code.RESOURCE_EXHAUSTED,
    ],
    ["a cancelled call", said(499, "CANCELLED"), "PROVIDER_INTERNAL", Code.UNAVAILABLE],
    ["a fault", said(500, "INTERNAL"), "PROVIDER_INTERNAL", Code.UNAVAILABLE],
    ["an unknown fault", said(500, "UNKNOWN"), "PROVIDER_INTERNAL", Code.UNAVAILABLE],
    ["overload", said(503, "UNAVAILABLE", "The model is overloaded."), "PROVIDER_UNAVAILABLE", Code.UNAVAILABLE],
    ["no time", said(504, "DEADLINE_EXCEEDED"), "PROVIDER_TIMEOUT", Code.UNAVAILABLE],
    ["something new", said(418, "A_NEW_ONE"), "PROVIDER_UNKNOWN", Code.INVALID_ARGUMENT],
    [
      "a word every object has",
      said(500, "constructor", "no", [info("toString")]),
      "PROVIDER_INTERNAL",
      Code.UNAVAILABLE,
    ],
  ])("for %s", (_, body, reason, code) => {
    const { status } = { status: body.error.code };
    expect(read(status, body)).toMatchObject({ reason, code });
    // The same in an array, and in the middle of a stream.
    expect(read(status, [body])).toMatchObject({ reason, code });
    expect(readErrorValue(body)).toMatchObject({ reason, code });
  });

  test("that are no error of this wire are of their status, and a 404 is of the base URL", () => {
    expect(read(404, "<html>")).toMatchObject({ reason: "PROVIDER_PROTOCOL" });
    expect(read(502, "<html>secret</html>")).toMatchObject({ reason: "PROVIDER_UNAVAILABLE" });
    expect(read(502, "<html>secret</html>").extras.providerMessage).toBeUndefined();
    expect(read(401, "no token").extras.providerMessage).toBe("no token");
    expect(read(500, "")).toMatchObject({ reason: "PROVIDER_INTERNAL" });
    expect(readErrorValue({})).toMatchObject({ reason: "PROVIDER_UNKNOWN" });
  });

  test("hold no key", () => {
    const key = ["AIza", "SyA-1234567890abcdefghijklmnopqrstu"].join("");
    expect(read(400, said(400, "INVALID_ARGUMENT", `Invalid key: ${key}`)).extras.providerMessage).toBe(
      "Invalid key: [redacted]",
    );
  });
});

describe("the wait after a refusal", () => {
  test("is that of RetryInfo, then of the header, then of the message", () => {
    const body = (...details: object[]) => said(429, "RESOURCE_EXHAUSTED", "Please retry in 48.9s.", details);
    expect(read(429, body(retry("48s")), { "retry-after": "5" }).extras.retryAfterMs).toBe(48_000);
    expect(read(429, body(retry("0.5s"))).extras.retryAfterMs).toBe(500);
    expect(read(429, body(), { "retry-after": "5" }).extras.retryAfterMs).toBe(5000);
    expect(read(429, body()).extras.retryAfterMs).toBe(48_900);
  });

  test("is none where waiting does not help: a quota of a day, or of nothing (mutant: only the wait is left out)", () => {
    for (const violation of [quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), quota("PerMinute", "0")]) {
      const error = read(429, said(429, "RESOURCE_EXHAUSTED", "no", [violation, retry("48s")]));
      expect(error).toMatchObject({ reason: "PROVIDER_RATE_LIMITED", retryable: false });
      expect(error.extras.retryAfterMs).toBeUndefined();
    }
    const perMinute = said(429, "RESOURCE_EXHAUSTED", "no", [quota("InputTokensPerModelPerMinute"), retry("48s")]);
    expect(read(429, perMinute)).toMatchObject({ retryable: true, extras: { retryAfterMs: 48_000 } });
    expect(read(400, said(400, "INVALID_ARGUMENT", "retry in 5s")).extras.retryAfterMs).toBeUndefined();
  });
});
