import { describe, expect, test } from "@jest/globals";
import { readError, readErrorValue } from "../../../src/adapters/anthropic/errors.ts";
import { ERROR_TABLE } from "../../../src/errors.ts";
import { Code } from "../../../src/gen/google/rpc/code_pb.js";

const read = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  readError({ status, headers, body: typeof body === "string" ? body : JSON.stringify(body) }, 0);
const said = (type: string, message = "no", more: object = {}) => ({
  type: "error",
  error: { type, message, ...more },
  request_id: "req_made_up",
});
const coded = (type: string, error_code: string) => said(type, "no", { details: { error_code } });

/** One row a case of the error table; the message decides only where the type is `invalid_request_error` or `not_found_error`. */
const ROWS = [
  ["an invalid request", 400, said("invalid_request_error", "max_tokens: Field required"), "PROVIDER_REJECTED"],
  [
    "a prompt that is too long",
    400,
    said("invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum"),
    "CONTEXT_TOO_LONG",
  ],
  [
    "a prompt that leaves no room",
    400,
    said("invalid_request_error", "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000"),
    "CONTEXT_TOO_LONG",
  ],
  [
    "an answer that was filtered",
    400,
    said("invalid_request_error", "Output blocked by content filtering policy"),
    "CONTENT_BLOCKED",
  ],
  [
    "a spend limit of our own",
    400,
    said("invalid_request_error", "You have reached your specified API usage limits. You will regain access later."),
    "PROVIDER_QUOTA",
  ],
  [
    "a workspace's spend limit",
    400,
    said("invalid_request_error", "This workspace has reached its spend limit."),
    "PROVIDER_QUOTA",
  ],
  [
    "no credit",
    400,
    said("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
    "PROVIDER_QUOTA",
  ],
  ["a wrong key", 401, said("authentication_error", "invalid x-api-key"), "PROVIDER_AUTH"],
  ["billing", 402, said("billing_error"), "PROVIDER_QUOTA"],
  [
    "a linked organization's limit",
    402,
    coded("billing_error", "linked_organization_spend_limit_reached"),
    "PROVIDER_QUOTA",
  ],
  ["no permission", 403, said("permission_error"), "PROVIDER_PERMISSION"],
  [
    "an organization on hold, though its type says another thing",
    400,
    coded("invalid_request_error", "organization_on_hold"),
    "PROVIDER_PERMISSION",
  ],
  ["no such model", 404, said("not_found_error", "model: claude-sonet-4-5"), "PROVIDER_MODEL_GONE"],
  ["no such file", 404, said("not_found_error", "File not found: file_1"), "PROVIDER_REJECTED"],
  ["a conflict", 409, said("conflict_error"), "PROVIDER_CONFLICT"],
  [
    "a request too large",
    413,
    said("request_too_large", "Request exceeds the maximum allowed number of bytes."),
    "MESSAGE_TOO_LARGE",
  ],
  ["a request too large, said by a proxy's page", 413, "<html>too large</html>", "MESSAGE_TOO_LARGE"],
  ["a rate limit", 429, said("rate_limit_error"), "PROVIDER_RATE_LIMITED"],
  ["growth that is too fast", 429, coded("rate_limit_error", "ramp_limit_exceeded"), "PROVIDER_RATE_LIMITED"],
  ["the tier's spend limit", 429, coded("rate_limit_error", "enforced_spend_limit_reached"), "PROVIDER_QUOTA"],
  ["the contract's spend limit", 429, coded("rate_limit_error", "contract_spend_limit_reached"), "PROVIDER_QUOTA"],
  ["a code nobody knows: its type counts", 429, coded("rate_limit_error", "brand_new"), "PROVIDER_RATE_LIMITED"],
  ["a fault", 500, said("api_error"), "PROVIDER_INTERNAL"],
  ["a key service that does not answer", 503, coded("api_error", "cmek_key_unreachable"), "PROVIDER_UNAVAILABLE"],
  ["a gateway's fault", 502, "<html>bad gateway</html>", "PROVIDER_UNAVAILABLE"],
  ["a timeout", 504, said("timeout_error"), "PROVIDER_TIMEOUT"],
  ["overload", 529, said("overloaded_error", "Overloaded"), "PROVIDER_OVERLOADED"],
  ["overload, whatever the status", 200, said("overloaded_error"), "PROVIDER_OVERLOADED"],
  ["a type nobody knows: the status counts", 503, said("brand_new_error"), "PROVIDER_UNAVAILABLE"],
  ["a type nobody knows, of a bad request", 400, said("brand_new_error"), "PROVIDER_REJECTED"],
  ["a type every object has", 500, said("constructor"), "PROVIDER_INTERNAL"],
  ["no error where one should be: another server", 404, "not here", "PROVIDER_PROTOCOL"],
  ["an empty body", 401, "", "PROVIDER_AUTH"],
  ["another vendor's frame", 400, { error: { message: "bad", code: "1210" } }, "PROVIDER_REJECTED"],
  ["another vendor's text", 429, { error: "slow down" }, "PROVIDER_RATE_LIMITED"],
] as const;

describe("refusals", () => {
  test.each(ROWS)("%s (%i) is read (mutant: by its status alone)", (_, status, body, reason) => {
    const error = read(status, body);
    expect([error.reason, error.code]).toEqual([reason, ERROR_TABLE[reason].code]);
    expect(error.retryable).toBe(ERROR_TABLE[reason].retryable);
  });

  test("of no kind anybody knows are the caller's to mend if the status says so", () => {
    expect(read(418, said("brand_new_error"))).toMatchObject({
      reason: "PROVIDER_UNKNOWN",
      code: Code.INVALID_ARGUMENT,
      retryable: false,
    });
    expect(read(599, said("brand_new_error"))).toMatchObject({ reason: "PROVIDER_UNKNOWN", retryable: true });
    expect(read(405, said("invalid_request_error"))).toMatchObject({ reason: "PROVIDER_REJECTED" });
  });

  test("say how long to wait, if waiting helps (mutant: for a spend limit too)", () => {
    const wait = { "retry-after": "17" };
    expect(read(429, said("rate_limit_error"), wait).extras.retryAfterMs).toBe(17_000);
    expect(read(429, said("rate_limit_error")).extras).not.toHaveProperty("retryAfterMs");
    expect(read(529, said("overloaded_error"), wait).extras.retryAfterMs).toBe(17_000);
    expect(read(429, coded("rate_limit_error", "enforced_spend_limit_reached"), wait).extras).not.toHaveProperty(
      "retryAfterMs",
    );
  });

  test("keep the provider's words, without what looks like a key", () => {
    expect(read(400, said("invalid_request_error", "bad sk-ant-api03-abc")).extras.providerMessage).toBe(
      "bad [redacted]",
    );
  });
});

describe("errors within an answer", () => {
  test.each(ROWS.filter(([, , body]) => typeof body === "object" && "type" in body))(
    "%s is known without its status",
    (_, status, body, reason) => {
      const byStatus = JSON.stringify(body).includes("brand_new_error") || JSON.stringify(body).includes("constructor");
      expect(readErrorValue(body).reason).toBe(byStatus && status !== 429 ? "PROVIDER_UNKNOWN" : reason);
    },
  );

  test("that are a text are the provider's words", () => {
    expect(readErrorValue("busy")).toMatchObject({ reason: "PROVIDER_UNKNOWN", extras: { providerMessage: "busy" } });
    expect(readErrorValue(7)).toMatchObject({ reason: "PROVIDER_UNKNOWN" });
  });
});
