import { fromJson, type JsonValue, toBinary, toJsonString } from "@bufbuild/protobuf";
import { ChatRequestSchema } from "../../src/gen/execution/v1/chat_pb.js";

/** The API keys a gateway under test knows, and one it does not. */
export const API_KEYS = {
  /** May call and use the mock's scripts. */
  caller: "key-of-a-caller",
  /** May read, not call. */
  viewer: "key-of-a-viewer",
  /** May call, but only the persona `default`. */
  narrow: "key-of-a-narrow-caller",
  wrong: "key-of-nobody",
} as const;

/** Largest request the gateway under test takes, in bytes. */
export const MAX_CHAT_BYTES = 65_536;

/** The deadline of the case that has one. */
const DEADLINE_MS = 1000;

/** One call, the same whatever wire it is made on. */
export interface WireCase {
  readonly name: string;
  /** The request as ProtoJSON of a ChatRequest. */
  readonly request: JsonValue;
  /** What is sent in its place: bytes that are none, for each encoding. */
  readonly raw?: { readonly binary: Uint8Array; readonly json: Uint8Array };
  /** Which key it brings; null for none. Default `caller`. */
  readonly key?: keyof typeof API_KEYS | null;
  readonly timeoutMs?: number;
  /** Method of ExecutionService; SSE has no such paths and is left out of such a case. Default `Chat`. */
  readonly rpc?: "Nothing";
  /** What the case is there for: events that must come (their names in ProtoJSON; no event at all for a failure without them), and how it ends. */
  readonly events?: readonly string[];
  readonly failure?: CaseFailure;
}

/** How a call must fail. */
export interface CaseFailure {
  readonly code: string;
  readonly reason: string;
  /** Details beside ErrorInfo, by the short names of their types and in their order. Default none. */
  readonly details?: readonly string[];
}

/** A ChatRequest in ProtoJSON that tells the mock what to do. */
function scripted(...script: readonly JsonValue[]): { readonly [key: string]: JsonValue } {
  return { ...asking("hi"), providerOptionsJson: { mock: JSON.stringify({ script }) } };
}

function asking(text: string): { readonly [key: string]: JsonValue } {
  return { messages: [{ role: "MESSAGE_ROLE_USER", parts: [{ text: { text } }] }] };
}

/** A whole request whose text has bytes that are no UTF-8, and a message that says it is longer than it is. */
const NOT_UTF8 = { binary: spoiled("binary"), json: spoiled("json") };
const NOT_DECODABLE = { binary: Uint8Array.of(0x22, 0x7f, 0x0a, 0x01), json: Buffer.from('{"messages":[') };

const SUCCESSES: readonly WireCase[] = [
  { name: "text", request: scripted({ text: ["Hel", "lo"] }), events: ["textDelta", "usage", "finished"] },
  {
    name: "text with characters of several bytes",
    request: scripted({ text: ["Zürich 語", "🙂", "👩‍💻 e\u0301 \u2028", 'a\u0000b "\\" \r\n\ndata: x\n\n'] }),
    events: ["textDelta"],
  },
  {
    name: "reasoning, then text",
    request: scripted({ reasoning: ["Hm", "m."] }, { text: "Because." }),
    events: ["reasoningDelta", "textDelta"],
  },
  {
    name: "parallel tool calls that interleave",
    request: scripted({
      tool_calls: [
        { name: "get_weather", arguments: ['{"city":', '"Łódź", "n": 9007199254740993}'] },
        { name: "get_time", id: "" },
        { name: "broken", arguments: ['{"x":'] },
        { name: "poem", arguments: ["free ", "text"], free_form: true },
      ],
    }),
    events: ["toolCallStarted", "toolCallDelta", "toolCallFinished"],
  },
  {
    name: "a provider's tool, citations and provider state",
    request: scripted(
      { tool_call: { name: "web_search", id: "s1", arguments: '{"query":"sky"}', executor: "PROVIDER" } },
      { tool_result: { id: "s1", text: "It scatters.", duration_ms: 12 } },
      { text: "Scattering." },
      {
        citation: {
          url: "https://example.com/sky",
          title: "Ciel é",
          cited_text: "blue",
          start_index: 0,
          end_index: 5,
          document_index: 0,
          source_id: "a",
        },
      },
      { provider_state: { kind: "signature", data: "AP8QgA==" } },
    ),
    events: ["toolResult", "citation", "providerState"],
  },
  {
    name: "usage that grows, every bucket and a lower final one",
    request: scripted(
      { usage: { input_total: 12, output_total: 0 } },
      { text: "a" },
      { usage: { input_total: 12, output_total: 9 } },
      {
        usage: {
          input_total: 100,
          output_total: 8,
          input_uncached: 0,
          input_cache_read: 60,
          input_cache_write_5m: 30,
          input_cache_write_1h: 10,
          output_text: 3,
          output_reasoning: 1,
          output_audio: 4,
          extras: [{ name: "searches", quantity: 2 }],
          final: true,
        },
      },
    ),
    events: ["usage", "finished"],
  },
  { name: "no usage", request: scripted({ text: "a" }, { no_usage: true }), events: ["usage", "finished"] },
  {
    name: "a warning of the platform",
    request: { ...asking("hi"), model: "mock-text", sampling: { logprobs: true } },
    events: ["warning", "textDelta"],
  },
  {
    name: "a refusal",
    request: scripted(
      { refusal: ["I ca", "n't."] },
      { warning: { code: "ODD", field: "messages[0]", text: "odd – but fine" } },
      { finish: { reason: "REFUSAL", provider_reason: "refusal", provider_message: "policy" } },
    ),
    events: ["refusalDelta", "warning", "finished"],
  },
  {
    name: "sound, a picture and log probabilities",
    request: scripted(
      { text: "see" },
      { logprobs: [{ token: "see", logprob: -0.25, top: [{ token: "say", logprob: -1.5 }] }] },
      { image: { data: "iVBORw0KGgo=", mime_type: "image/png" } },
      { audio: { data: "AAECAwQF", mime_type: "audio/wav", transcript: "bé" } },
      { audio: { data: "/w==", transcript: "ep", provider_id: "audio_1" } },
    ),
    events: ["logprobs", "image", "audio"],
  },
  {
    name: "many deltas, several a read",
    request: scripted({ text: ["tick ", "töck "], repeat: 200, per_read: 7 }, { finish: "LENGTH" }),
    events: ["textDelta"],
  },
];

const failing = (name: string, request: JsonValue, failure: CaseFailure, rest: Partial<WireCase> = {}): WireCase => ({
  name,
  request,
  failure,
  ...rest,
});

const INVALID = { code: "INVALID_ARGUMENT", reason: "INVALID_FIELD", details: ["BadRequest"] };

const FAILURES: readonly WireCase[] = [
  failing(
    "an unknown persona",
    { ...asking("hi"), persona: "nöbody" },
    { code: "NOT_FOUND", reason: "PERSONA_NOT_FOUND" },
  ),
  failing("an invalid field", { ...asking("hi"), sampling: { temperature: 3 } }, INVALID),
  failing("no messages", {}, INVALID),
  // Its status is cut to what every wire holds: the test of other languages reads it many times over.
  failing("many invalid fields", { ...asking("hi"), ...manyInvalid(70) }, INVALID),
  failing(
    "a missing capability",
    { ...asking("hi"), model: "mock-text", responseFormat: { json: {} } },
    { code: "FAILED_PRECONDITION", reason: "CAPABILITY_MISSING", details: ["PreconditionFailure"] },
  ),
  failing(
    "a field that only the candidate's adapter can refuse",
    { ...asking("hi"), providerOptionsJson: { mock: '{"script":1}' } },
    INVALID,
  ),
  failing("no key", asking("hi"), { code: "UNAUTHENTICATED", reason: "AUTH_INVALID" }, { key: null }),
  failing("a wrong key", asking("hi"), { code: "UNAUTHENTICATED", reason: "AUTH_INVALID" }, { key: "wrong" }),
  failing(
    "a key without the role",
    asking("hi"),
    { code: "PERMISSION_DENIED", reason: "SCOPE_DENIED" },
    { key: "viewer" },
  ),
  failing(
    "a key that may not use the persona",
    { ...asking("hi"), persona: "reviewer" },
    { code: "PERMISSION_DENIED", reason: "SCOPE_DENIED" },
    { key: "narrow" },
  ),
  failing("a message that cannot be decoded", {}, INVALID, { raw: NOT_DECODABLE }),
  failing("a text that is not UTF-8", {}, INVALID, { raw: NOT_UTF8 }),
  failing("a message that is too large", asking("x".repeat(2 * MAX_CHAT_BYTES)), {
    code: "RESOURCE_EXHAUSTED",
    reason: "MESSAGE_TOO_LARGE",
  }),
  failing(
    "a provider that refuses before content and says when to retry",
    scripted({ error: { reason: "PROVIDER_RATE_LIMITED", retry_after_ms: 1500, provider_message: "slöw down" } }),
    { code: "RESOURCE_EXHAUSTED", reason: "PROVIDER_RATE_LIMITED", details: ["RetryInfo", "ChatFailure"] },
    { events: ["attemptFailed"] },
  ),
  failing(
    "a provider that fails after content",
    scripted({ usage: { input_total: 3 } }, { text: ["a", "b"] }, { error: { reason: "PROVIDER_OVERLOADED" } }),
    { code: "ABORTED", reason: "PROVIDER_OVERLOADED", details: ["ChatFailure"] },
    { events: ["textDelta"] },
  ),
  failing(
    "an answer that is cut off",
    scripted({ text: "Half an ans" }, { truncate: true }),
    { code: "ABORTED", reason: "UPSTREAM_TRUNCATED", details: ["ChatFailure"] },
    { events: ["textDelta"] },
  ),
  failing("a method that is none", {}, { code: "UNIMPLEMENTED", reason: "UNIMPLEMENTED" }, { rpc: "Nothing" }),
];

/** Every call that is made on every wire, but for the one with a deadline. */
export const CASES: readonly WireCase[] = [...SUCCESSES, ...FAILURES];

/** The case whose end depends on clocks: a provider that stalls after content. */
export const DEADLINE_CASE: WireCase = failing(
  "a deadline that passes while the provider stalls",
  scripted({ text: "a" }, { stall: true }),
  { code: "DEADLINE_EXCEEDED", reason: "DEADLINE", details: ["ChatFailure"] },
  { timeoutMs: DEADLINE_MS, events: ["textDelta"] },
);

/** The request of a case in one of the encodings. */
export function encodeCase({ request, raw, rpc }: WireCase, format: "binary" | "json"): Uint8Array {
  if (raw !== undefined) return raw[format];
  if (rpc !== undefined) return format === "binary" ? new Uint8Array() : Buffer.from("{}");
  const message = fromJson(ChatRequestSchema, request);
  return format === "binary"
    ? toBinary(ChatRequestSchema, message)
    : Buffer.from(toJsonString(ChatRequestSchema, message));
}

/** As many tools with a name that no tool may have. */
function manyInvalid(count: number): { readonly [key: string]: JsonValue } {
  return { safetySettings: Array.from({ length: Math.min(count, 64) }, () => ({ category: "", threshold: "é" })) };
}

/** A request with two letters of its text replaced. */
function spoiled(format: "binary" | "json"): Uint8Array {
  const bytes = Buffer.from(encodeCase({ name: "", request: asking("ab") }, format));
  bytes.set([0xc3, 0x28], bytes.lastIndexOf("ab"));
  return bytes;
}
