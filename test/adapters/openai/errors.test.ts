import { describe, expect, test } from "@jest/globals";
import { readError, readErrorValue } from "../../../src/adapters/openai/errors.ts";
import { Code } from "../../../src/gen/google/rpc/code_pb.js";

const read = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  readError({ status, headers, body: typeof body === "string" ? body : JSON.stringify(body) }, 0);
const openai = (type: string | null, code: string | null, message = "no") => ({
  error: { message, type, param: null, code },
});

describe("refusals", () => {
  test.each([
    [
      "OpenAI, an invalid field",
      400,
      openai("invalid_request_error", "unsupported_parameter"),
      "PROVIDER_REJECTED",
      Code.INVALID_ARGUMENT,
    ],
    [
      "OpenAI, too long",
      400,
      openai("invalid_request_error", "context_length_exceeded"),
      "CONTEXT_TOO_LONG",
      Code.INVALID_ARGUMENT,
    ],
    [
      "DeepSeek, too long, by its words",
      400,
      openai("invalid_request_error", "invalid_request_error", "This model's maximum context length is 65536 tokens."),
      "CONTEXT_TOO_LONG",
      Code.INVALID_ARGUMENT,
    ],
    [
      "llama.cpp, too long",
      400,
      { error: { code: 400, message: "m", type: "exceed_context_size_error" } },
      "CONTEXT_TOO_LONG",
      Code.INVALID_ARGUMENT,
    ],
    [
      "Azure, filtered",
      400,
      { error: { code: "content_filter", message: "m", innererror: {} } },
      "CONTENT_BLOCKED",
      Code.FAILED_PRECONDITION,
    ],
    [
      "DeepSeek, filtered",
      400,
      openai("invalid_request_error", null, "Content Exists Risk"),
      "CONTENT_BLOCKED",
      Code.FAILED_PRECONDITION,
    ],
    [
      "OpenRouter, moderated",
      403,
      { error: { code: 403, message: "Your input was flagged for violence", metadata: {} } },
      "CONTENT_BLOCKED",
      Code.FAILED_PRECONDITION,
    ],
    ["OpenAI, a wrong key", 401, openai("invalid_request_error", "invalid_api_key"), "PROVIDER_AUTH", Code.UNAVAILABLE],
    [
      "DeepSeek, a wrong key",
      401,
      openai("authentication_error", "invalid_request_error"),
      "PROVIDER_AUTH",
      Code.UNAVAILABLE,
    ],
    [
      "Ollama, a wrong key, though its type says another thing",
      401,
      openai("api_error", null),
      "PROVIDER_AUTH",
      Code.UNAVAILABLE,
    ],
    ["Mistral, a wrong key", 401, { detail: "Invalid API Key" }, "PROVIDER_AUTH", Code.UNAVAILABLE],
    [
      "Azure's gateway, a wrong key",
      401,
      { statusCode: 401, message: "Access denied" },
      "PROVIDER_AUTH",
      Code.UNAVAILABLE,
    ],
    [
      "a region",
      403,
      openai("request_forbidden", "unsupported_country_region_territory"),
      "PROVIDER_PERMISSION",
      Code.UNAVAILABLE,
    ],
    ["no permission", 403, openai("insufficient_permissions", null), "PROVIDER_PERMISSION", Code.UNAVAILABLE],
    [
      "OpenAI, out of quota: not a rate limit",
      429,
      openai("insufficient_quota", "insufficient_quota"),
      "PROVIDER_QUOTA",
      Code.RESOURCE_EXHAUSTED,
    ],
    [
      "OpenAI, a spend limit",
      429,
      openai("requests", "project_spend_limit_exceeded"),
      "PROVIDER_QUOTA",
      Code.RESOURCE_EXHAUSTED,
    ],
    [
      "DeepSeek, out of credit",
      402,
      openai("unknown_error", "invalid_request_error", "Insufficient Balance"),
      "PROVIDER_QUOTA",
      Code.RESOURCE_EXHAUSTED,
    ],
    [
      "Z.ai, out of credit",
      429,
      { error: { code: "1113", message: "Insufficient balance or no resource package." } },
      "PROVIDER_QUOTA",
      Code.RESOURCE_EXHAUSTED,
    ],
    [
      "OpenAI, a rate limit",
      429,
      openai("tokens", "rate_limit_exceeded"),
      "PROVIDER_RATE_LIMITED",
      Code.RESOURCE_EXHAUSTED,
    ],
    [
      "Gemini, a rate limit, in an array",
      429,
      [{ error: { code: 429, message: "m", status: "RESOURCE_EXHAUSTED" } }],
      "PROVIDER_RATE_LIMITED",
      Code.RESOURCE_EXHAUSTED,
    ],
    ["OpenAI, slow down", 503, openai("server_error", "slow_down"), "PROVIDER_RATE_LIMITED", Code.RESOURCE_EXHAUSTED],
    [
      "OpenAI, no such model",
      404,
      openai("invalid_request_error", "model_not_found"),
      "PROVIDER_MODEL_GONE",
      Code.UNAVAILABLE,
    ],
    [
      "Azure, no such deployment",
      404,
      { error: { code: "DeploymentNotFound", message: "m" } },
      "PROVIDER_MODEL_GONE",
      Code.UNAVAILABLE,
    ],
    [
      "Mistral, no such model",
      400,
      { object: "error", message: "Invalid model: x", type: "invalid_model", code: "1500" },
      "PROVIDER_MODEL_GONE",
      Code.UNAVAILABLE,
    ],
    ["no such path", 404, "<html>not found</html>", "PROVIDER_PROTOCOL", Code.UNAVAILABLE],
    [
      "Groq, the model's own fault",
      400,
      openai("invalid_request_error", "tool_use_failed"),
      "PROVIDER_MODEL_ERROR",
      Code.UNAVAILABLE,
    ],
    ["a timeout", 408, openai(null, null), "PROVIDER_TIMEOUT", Code.UNAVAILABLE],
    ["a conflict", 409, openai("conflict_error", null), "PROVIDER_CONFLICT", Code.ABORTED],
    ["too large", 413, openai("invalid_request_error", null), "MESSAGE_TOO_LARGE", Code.RESOURCE_EXHAUSTED],
    [
      "FastAPI, an invalid field",
      422,
      { detail: [{ loc: ["body", "top_p"], msg: "must be below 1" }] },
      "PROVIDER_REJECTED",
      Code.INVALID_ARGUMENT,
    ],
    ["an internal fault", 500, openai("server_error", null), "PROVIDER_INTERNAL", Code.UNAVAILABLE],
    ["a bad gateway", 502, "Bad Gateway", "PROVIDER_UNAVAILABLE", Code.UNAVAILABLE],
    ["not available", 503, openai("service_unavailable", null), "PROVIDER_UNAVAILABLE", Code.UNAVAILABLE],
    ["a gateway's timeout", 504, "", "PROVIDER_TIMEOUT", Code.UNAVAILABLE],
    ["overloaded", 529, openai("overloaded_error", null), "PROVIDER_OVERLOADED", Code.UNAVAILABLE],
    [
      "Groq, over its capacity",
      498,
      openai("invalid_request_error", "capacity_exceeded"),
      "PROVIDER_OVERLOADED",
      Code.UNAVAILABLE,
    ],
    ["an unknown 4xx", 418, openai(null, null), "PROVIDER_UNKNOWN", Code.INVALID_ARGUMENT],
    ["an unknown 5xx", 599, openai(null, null), "PROVIDER_UNKNOWN", Code.UNAVAILABLE],
  ])("%s", (_, status, body, reason, code) => {
    expect(read(status, body)).toMatchObject({ reason, code });
  });

  test.each(["constructor", "__proto__", "toString"])("are not misread for a code of %s", (code) => {
    expect(read(400, `{"error":{"message":"no","code":"${code}"}}`).reason).toBe("PROVIDER_REJECTED");
    expect(readErrorValue({ error: { message: "no", type: code } }).reason).toBe("PROVIDER_UNKNOWN");
  });

  test("keep the provider's words, a router's upstream included, without keys", () => {
    const raw = '{"error":{"message":"upstream said no to sk-live-123456"}}';
    const routed = read(429, {
      error: { code: 429, message: "Provider returned error", metadata: { provider_name: "G", raw } },
    });
    expect(routed.extras.providerMessage).toBe(
      'Provider returned error: {"error":{"message":"upstream said no to [redacted]"}}',
    );
    expect(read(422, { detail: [{ loc: ["body", "top_p"], msg: "must be below 1" }] }).extras.providerMessage).toBe(
      "body.top_p: must be below 1",
    );
    expect(read(400, { code: "bad", error: "xAI says it here" }).extras.providerMessage).toBe("xAI says it here");
    expect(read(500, "<html>stack trace</html>").extras).not.toHaveProperty("providerMessage");
  });

  test("say how long to wait, where waiting helps", () => {
    const limited = openai("tokens", "rate_limit_exceeded", "Please try again in 1.4s.");
    expect(read(429, limited, { "retry-after": "2" }).extras.retryAfterMs).toBe(2000);
    expect(read(429, limited).extras.retryAfterMs).toBe(1400);
    expect(read(429, openai("insufficient_quota", null), { "retry-after": "2" }).extras).not.toHaveProperty(
      "retryAfterMs",
    );
  });

  test("say whether waiting helps (mutant: by reason alone)", () => {
    expect(read(429, openai("tokens", "rate_limit_exceeded")).retryable).toBe(true);
    expect(
      read(429, openai("tokens", "rate_limit_exceeded", "Request too large for gpt-4o: Limit 30000, Requested 60000."))
        .retryable,
    ).toBe(false);
    expect(read(418, openai(null, null)).retryable).toBe(false);
    expect(read(599, openai(null, null)).retryable).toBe(true);
  });
});

describe("errors inside an answer", () => {
  test.each([
    [{ error: { code: 502, message: "m" } }, "PROVIDER_UNAVAILABLE"],
    [{ error: { status_code: 400, code: "json_validate_failed", message: "m" } }, "PROVIDER_MODEL_ERROR"],
    [{ error: { code: "400", message: "prompt is too long" } }, "CONTEXT_TOO_LONG"],
    [{ error: { type: "invalid_request_error", message: "m" } }, "PROVIDER_REJECTED"],
    [{ error: { type: "api_error", message: "m" } }, "PROVIDER_INTERNAL"],
    [{ error: { type: "overloaded_error", message: "m" } }, "PROVIDER_OVERLOADED"],
    [{ error: { message: "m" } }, "PROVIDER_UNKNOWN"],
    [{ error: "text" }, "PROVIDER_UNKNOWN"],
    ["text", "PROVIDER_UNKNOWN"],
  ])("%j is %s", (value, reason) => {
    expect(readErrorValue(value)).toMatchObject({ reason });
  });
});
