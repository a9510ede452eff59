import { describe, expect, test } from "@jest/globals";
import { ExecutionError, type Reason } from "../../src/errors.ts";
import { Billed } from "../../src/gen/execution/v1/usage_pb.js";
import { type AttemptTrace, billedOf } from "../../src/router/billing.ts";

/*
 * Mutants seen red: every failure after the headers a refusal but a truncated answer; a connection that never came about taken for one whose
 * outcome was not seen; only INVALID_ARGUMENT taken for a request that was not built.
 */

const { YES, NO, UNKNOWN } = Billed;
const nothing: AttemptTrace = { hasUsage: false, hasHeaders: false, hasContent: false };
const headers: AttemptTrace = { ...nothing, hasHeaders: true };

const billed = (reason: Reason | undefined, trace: AttemptTrace, extras: { readonly unsent?: true } = {}) =>
  billedOf(reason === undefined ? undefined : new ExecutionError(reason, "it failed", extras), trace);

describe("whether an attempt that gave no answer is billed", () => {
  test.each<Reason>(["PROVIDER_OVERLOADED", "PROVIDER_RATE_LIMITED", "PROVIDER_REJECTED", "CONTENT_BLOCKED"])(
    "%s, which a provider says itself, is a refusal",
    (reason) => {
      expect(billed(reason, headers)).toBe(NO);
    },
  );

  test.each<Reason>(["UPSTREAM_STALLED", "UPSTREAM_TRUNCATED", "PROVIDER_PROTOCOL", "PROVIDER_TIMEOUT", "BUG"])(
    "%s after headers is an outcome that was not seen",
    (reason) => {
      expect(billed(reason, headers)).toBe(UNKNOWN);
    },
  );

  test.each<Reason>(["PROVIDER_NETWORK", "PROVIDER_TIMEOUT", "PROVIDER_DNS", "PROVIDER_TLS", "DEADLINE", "CANCELLED"])(
    "%s without a connection is not billed, and may be once the request was sent",
    (reason) => {
      expect(billed(reason, nothing, { unsent: true })).toBe(NO);
      expect(billed(reason, nothing)).toBe(UNKNOWN);
    },
  );

  test.each<Reason>(["INVALID_FIELD", "CAPABILITY_MISSING"])("%s before it is sent is not billed", (reason) => {
    expect(billed(reason, nothing)).toBe(NO);
  });

  test("a reader that leaves leaves an outcome that was not seen", () => {
    expect(billed(undefined, headers)).toBe(UNKNOWN);
  });

  test("what the provider has counted is billed, and what it only gave may be", () => {
    for (const reason of [undefined, "PROVIDER_OVERLOADED", "CANCELLED"] as const) {
      expect(billed(reason, { hasUsage: true, hasHeaders: true, hasContent: false })).toBe(YES);
      expect(billed(reason, { hasUsage: false, hasHeaders: true, hasContent: true })).toBe(UNKNOWN);
    }
  });
});
