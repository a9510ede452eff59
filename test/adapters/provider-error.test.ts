import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  cutToBytes,
  parseDurationMs,
  providerError,
  readRetryAfterMs,
  redact,
} from "../../src/adapters/provider-error.ts";

const nowMs = Date.parse("2026-05-01T12:00:00Z");

describe("the time a provider asks to wait", () => {
  test.each([
    ["in milliseconds", { "retry-after-ms": "1400.2", "retry-after": "2" }, "", 1401],
    ["in seconds", { "retry-after": "7" }, "Please try again in 1.4s.", 7000],
    ["in parts of a second", { "retry-after": "0.25" }, "", 250],
    ["as a date", { "retry-after": "Fri, 01 May 2026 12:00:30 GMT" }, "", 30_000],
    ["as a date that has passed", { "retry-after": "Fri, 01 May 2026 11:00:00 GMT" }, "", 0],
    ["in its words, in seconds", {}, "Limit 30000, Used 29500. Please try again in 1.4s. Visit us.", 1400],
    ["in its words, in all units", {}, "Please try again in 1h2m3.5s.", 3_723_500],
    ["in its words, in milliseconds", {}, "Please try again in 120ms.", 120],
    ["in its words, spelled out", {}, "Please retry after 20 seconds.", 20_000],
    ["in its words, after a comma", {}, "please wait for 2 minutes and retry", 120_000],
    ["not at all", {}, "Slow down. You sent 20 s of audio.", undefined],
    ["in nonsense", { "retry-after": "soon", "retry-after-ms": "-5" }, "", undefined],
  ])("is read %s", (_, headers, message, expected) => {
    expect(readRetryAfterMs(headers, message, nowMs)).toBe(expected);
  });

  // Mutant seen red: passed on as it came.
  test.each([
    [1_500, 1_500],
    [9e300, 86_400_000],
    [Number.POSITIVE_INFINITY, 86_400_000],
  ])("of %d ms is told as %d ms: a day at most", (asked, told) => {
    const error = providerError("PROVIDER_RATE_LIMITED", "", { retryAfterMs: asked });
    expect(error.extras.retryAfterMs).toBe(told);
  });

  test("a duration is read in Google's form too", () => {
    expect(parseDurationMs("17.0005s")).toBe(17_001);
    expect(parseDurationMs("")).toBeUndefined();
  });
});

describe("a provider's words", () => {
  test.each([
    ["Incorrect API key provided: sk-test-abcDEF123456.", "Incorrect API key provided: [redacted]."],
    ["Invalid key AIzaSyA-1234567890abcdefg", "Invalid key [redacted]"],
    ["Your api key: ****-key is invalid", "Your api key: [redacted] is invalid"],
    ["header Authorization: Bearer abc.def was refused", "header Authorization: [redacted] was refused"],
    ["key 0123456789abcdef0123456789abcdef", "key [redacted]"],
    ["gsk_live12345 and xai-12345678", "[redacted] and [redacted]"],
    ["request 6b2c7d1e-0b1f-4c7e-9d6a-1f2e3d4c5b6a of model gpt-5.2-2025-12-11", undefined],
  ])("lose what looks like a key: %s", (words, expected) => {
    expect(redact(words)).toBe(expected ?? words);
  });

  test("are redacted in a time that grows no faster than they do (mutant: the masked run without its look-behind)", () => {
    const words = "a-".repeat(1_000_000);
    expect(redact(words)).toBe(words);
    expect(redact(`${words}sk***b`)).toBe("[redacted]");
  });

  test("are cut to 512 bytes at a character's end (mutant: cut at 512 UTF-16 units)", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 400 }), fc.integer({ min: 4, max: 512 }), (text, bytes) => {
        const cut = cutToBytes(text, bytes);
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(bytes);
        expect(text.startsWith(cut)).toBe(true);
        if (cut !== text) expect(Buffer.byteLength(cut)).toBeGreaterThan(bytes - 4);
      }),
    );
    const error = providerError("PROVIDER_REJECTED", "é".repeat(600));
    expect(error.extras.providerMessage).toBe("é".repeat(256));
    expect(error.message).not.toContain("é");
  });

  test("are absent if there are none", () => {
    expect(providerError("PROVIDER_INTERNAL", " \n").extras).not.toHaveProperty("providerMessage");
  });
});
