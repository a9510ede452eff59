import { create, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { cutText, MAX_STATUS_BYTES, toStatus } from "../../src/contract/error-details.ts";
import { ERROR_TABLE, ExecutionError, type Reason, toExecutionError } from "../../src/errors.ts";
import { ChatFailureSchema } from "../../src/gen/execution/v1/errors_pb.js";
import { ErrorInfoSchema, RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.js";
import { problemDocument } from "../../src/server/http/problem.ts";

const reasons = Object.keys(ERROR_TABLE) as Reason[];

describe("the status of a failure", () => {
  // Mutant seen red: returning the first form whatever its size.
  test("is at most 4 KiB, whatever is said in it", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 3000 });
    fc.assert(
      fc.property(fc.constantFrom(...reasons), text, text, fc.nat(400), (reason, message, provider, count) => {
        const many = Array.from({ length: count }, (_, index) => index);
        const error = new ExecutionError(reason, message, {
          provider,
          model: message,
          providerMessage: provider + message,
          retryAfterMs: 1500,
          fields: many.map((index) => ({ field: `messages[${index}]`, description: message })),
          preconditions: many.map((index) => ({ type: "CAPABILITY", subject: String(index), description: provider })),
          failure: create(ChatFailureSchema, {
            attempts: many.map((attempt) => ({ attempt, reason: "PROVIDER_INTERNAL" })),
          }),
        });
        const bytes = toBinary(StatusSchema, toStatus(error, "req_1"));
        expect(bytes.length).toBeLessThanOrEqual(MAX_STATUS_BYTES);
      }),
      { numRuns: 60 },
    );
  });

  test("begins with an ErrorInfo that says reason, domain and the request", () => {
    const status = toStatus(
      new ExecutionError("PROVIDER_INTERNAL", "it broke", { provider: "near", model: "m" }),
      "req_1",
    );
    const info = status.details[0] && anyUnpack(status.details[0], ErrorInfoSchema);
    expect(info).toMatchObject({
      reason: "PROVIDER_INTERNAL",
      domain: "execution-platform",
      metadata: {
        request_id: "req_1",
        provider: "near",
        model: "m",
        origin: "provider",
        retryable: "true",
        partial: "false",
      },
    });
  });

  test("keeps the first and last four attempts and counts the rest", () => {
    const attempts = Array.from({ length: 20 }, (_, attempt) => ({ attempt }));
    const error = new ExecutionError("PROVIDER_INTERNAL", "x", { failure: create(ChatFailureSchema, { attempts }) });
    const failure = toStatus(error, "r")
      .details.map((any) => anyUnpack(any, ChatFailureSchema))
      .find((found) => found !== undefined);
    expect(failure?.attempts.map(({ attempt }) => attempt)).toEqual([0, 1, 2, 3, 16, 17, 18, 19]);
    expect(failure?.attemptsOmitted).toBe(12);
  });

  test("tells when to retry only if a retry can help", () => {
    const retryInfo = (error: ExecutionError) =>
      toStatus(error, "r").details.flatMap((any) => anyUnpack(any, RetryInfoSchema) ?? []);
    const [info] = retryInfo(new ExecutionError("PROVIDER_RATE_LIMITED", "x", { retryAfterMs: 1400 }));
    expect(info?.retryDelay).toMatchObject({ seconds: 1n, nanos: 400_000_000 });
    expect(retryInfo(new ExecutionError("PROVIDER_QUOTA", "x", { retryAfterMs: 1400 }))).toEqual([]);
    expect(retryInfo(new ExecutionError("PROVIDER_RATE_LIMITED", "x", { retryAfterMs: 1400, partial: true }))).toEqual(
      [],
    );
  });
});

test.each([Number.POSITIVE_INFINITY, 1e30, 1e15])("a wait of %d ms is cut to what a Duration holds", (retryAfterMs) => {
  const status = toStatus(new ExecutionError("PROVIDER_RATE_LIMITED", "x", { retryAfterMs }), "req_1");
  const [info] = status.details.flatMap((detail) => anyUnpack(detail, RetryInfoSchema) ?? []);
  expect(info?.retryDelay).toMatchObject({ seconds: 315_576_000_000n, nanos: 0 });
  expect(() => problemDocument(status)).not.toThrow();
});

describe("reading what was thrown", () => {
  test("a bug shows nothing but an id", () => {
    const secret = "sk-canary";
    const error = toExecutionError(new TypeError(secret), () => "req_7");
    expect(JSON.stringify(toStatus(error, "req_7").message)).not.toContain(secret);
    expect(error.message).toContain("req_7");
  });

  test("an abort is its signal's reason", () => {
    const reason = new ExecutionError("DEADLINE", "late");
    expect(toExecutionError(new Error("aborted", { cause: reason }), () => "x")).toBe(reason);
    expect(toExecutionError(reason, () => "x")).toBe(reason);
  });
});

test("text is cut at whole characters", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), fc.integer({ min: 4, max: 200 }), (raw, max) => {
      const text = raw.replaceAll("\uFFFD", "");
      const cut = cutText(text, max);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(max);
      expect(cut).not.toContain("\uFFFD");
      if (cut !== text) expect(text.startsWith(cut.slice(0, -3))).toBe(true);
    }),
  );
});
