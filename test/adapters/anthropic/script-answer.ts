import type {
  EventStep,
  Script,
  ScriptedFinish,
  ScriptedToolCall,
  ScriptedUsage,
} from "../../../src/adapters/mock/script.ts";
import type { Reason } from "../../../src/errors.ts";
import type { Delivery, Exchange, JsonValue } from "../../emulators/exchange.ts";
import type { Wire } from "../shared/wire.ts";

type Fields = Readonly<Record<string, JsonValue>>;

/** How the emulator refuses for a reason: status, type, and where the type does not tell, code or message. */
const REFUSALS = {
  PROVIDER_REJECTED: [400, "invalid_request_error", {}],
  CONTEXT_TOO_LONG: [400, "invalid_request_error", { message: "prompt is too long: 200001 tokens > 200000 maximum" }],
  CONTENT_BLOCKED: [400, "invalid_request_error", { message: "Output blocked by content filtering policy" }],
  PROVIDER_AUTH: [401, "authentication_error", {}],
  PROVIDER_QUOTA: [429, "rate_limit_error", { details: { error_code: "enforced_spend_limit_reached" } }],
  PROVIDER_PERMISSION: [403, "permission_error", {}],
  PROVIDER_MODEL_GONE: [404, "not_found_error", { message: "model: scripted" }],
  PROVIDER_CONFLICT: [409, "conflict_error", {}],
  MESSAGE_TOO_LARGE: [413, "request_too_large", {}],
  PROVIDER_RATE_LIMITED: [429, "rate_limit_error", {}],
  PROVIDER_INTERNAL: [500, "api_error", {}],
  PROVIDER_UNAVAILABLE: [503, "api_error", { details: { error_code: "cmek_key_unreachable" } }],
  PROVIDER_TIMEOUT: [504, "timeout_error", {}],
  PROVIDER_OVERLOADED: [529, "overloaded_error", {}],
  PROVIDER_UNKNOWN: [599, "some_new_error", {}],
} as const satisfies Partial<Record<Reason, readonly [number, string, Fields]>>;

const FINISH_WORDS: Partial<Record<ScriptedFinish["reason"], string>> = {
  STOP: "end_turn",
  STOP_SEQUENCE: "stop_sequence",
  LENGTH: "max_tokens",
  TOOL_CALLS: "tool_use",
  PAUSED: "pause_turn",
  REFUSAL: "refusal",
  OTHER: "something_new",
};

const refusals = Object.keys(REFUSALS) as (keyof typeof REFUSALS)[];

/** What the Messages API can say. State is left out because it is of a form of its own: signatures and raw blocks. */
export const messagesWire: Wire = {
  steps: new Set(["text", "reasoning", "tool_call", "tool_calls", "tool_result", "citation", "together"]),
  onePartEach: false,
  usageBuckets: [
    "input_total",
    "output_total",
    "input_uncached",
    "input_cache_read",
    "input_cache_write_5m",
    "input_cache_write_1h",
    "output_text",
    "output_reasoning",
  ],
  provisionalUsage: true,
  finishReasons: Object.keys(FINISH_WORDS) as (keyof typeof FINISH_WORDS)[],
  // Anthropic always gives one; others that speak its wire may not.
  omitsIds: true,
  freeForm: false,
  delays: false,
  errorsBefore: [...refusals, "PROVIDER_NETWORK"],
  errorsAfter: refusals,
  retryAfter: ["PROVIDER_RATE_LIMITED", "PROVIDER_UNAVAILABLE", "PROVIDER_OVERLOADED"],
  ownStates: ["anthropic/block"],
};

/** The answer to a request that is to play a script. What the wire has no words for throws. */
export function scriptedExchange(script: Script, delivery: Delivery): Exchange {
  const [first] = script;
  if (first !== undefined && "error" in first) return refusalOf(first.error);
  const player = createPlayer();
  for (const step of script) {
    if ("together" in step) for (const inner of step.together) player.play(inner);
    else if ("error" in step) player.fail(step.error.reason);
    else if (!("truncate" in step || "stall" in step || "delay_ms" in step)) player.play(step);
  }
  if (!script.some((step) => "truncate" in step || "stall" in step || "error" in step)) player.finish();
  const events = player.events.map((event) => `event: ${String(event.type)}\ndata: ${JSON.stringify(event)}\n\n`);
  return {
    headers: { "content-type": "text/event-stream; charset=utf-8" },
    body: Buffer.from(events.join("")),
    delivery: brokenDelivery(script, events.length) ?? delivery,
  };
}

/** How a script that does not end well is delivered: broken off, by a clean end or not, or left standing. */
function brokenDelivery(script: Script, events: number): Delivery | undefined {
  if (script.some((step) => "stall" in step)) return { kind: "stall-after-events", events };
  if (!script.some((step) => "truncate" in step)) return undefined;
  return events % 2 === 0 ? { kind: "cut-after-events", events, clean: true } : { kind: "cut-after-events", events };
}

function errorEvent(reason: Reason): Fields {
  const [, type, more] = REFUSALS[reason as keyof typeof REFUSALS];
  return { type: "error", error: { type, message: "scripted", ...more }, request_id: "req_scripted" };
}

function refusalOf({
  reason,
  retry_after_ms,
}: {
  readonly reason: Reason;
  readonly retry_after_ms?: number | undefined;
}): Exchange {
  if (reason === "PROVIDER_NETWORK") return { delivery: { kind: "drop-before-headers" } };
  const [status] = REFUSALS[reason as keyof typeof REFUSALS];
  const retryAfter: Record<string, string> =
    retry_after_ms === undefined ? {} : { "retry-after": `${retry_after_ms / 1000}` };
  return {
    status,
    headers: { "content-type": "application/json", ...retryAfter },
    body: Buffer.from(JSON.stringify(errorEvent(reason))),
  };
}

interface Repeated {
  readonly part?: string | undefined;
  readonly repeat?: number | undefined;
  readonly per_read?: number | undefined;
}

interface Player {
  readonly events: Fields[];
  play(step: EventStep): void;
  fail(reason: Reason): void;
  finish(): void;
}

/** Blocks of text and thinking stay open to the end, since a script may come back to them; those of tools are written at once. */
function createPlayer(): Player {
  const message = { id: "msg_scripted", type: "message", role: "assistant", model: "scripted-model-of-the-emulator" };
  const events: Fields[] = [
    { type: "message_start", message: { ...message, content: [], stop_reason: null, stop_sequence: null } },
    { type: "ping" },
  ];
  const labels = new Map<string, { readonly kind: string; readonly index: number }>();
  const open: number[] = [];
  let blocks = 0;
  let latest: { readonly kind: string; readonly index: number } | undefined;
  let latestText: number | undefined;
  let callsOut = false;
  let word: string | undefined;

  const start = (block: Fields): number => {
    const index = blocks;
    blocks += 1;
    events.push({ type: "content_block_start", index, content_block: block });
    return index;
  };
  const stop = (index: number): void => {
    events.push({ type: "content_block_stop", index });
  };
  const add = (index: number, delta: Fields, more: Fields = {}): void => {
    events.push({ type: "content_block_delta", index, delta, ...more });
  };

  /** The block of a text or of thinking that a step goes on with or begins. */
  const blockOf = (kind: "text" | "thinking", label: string | undefined): number => {
    const known = label === undefined ? latest : labels.get(label);
    if (known?.kind === kind) latest = known;
    else {
      const index = start(kind === "text" ? { type: kind, text: "" } : { type: kind, thinking: "", signature: "" });
      open.push(index);
      latest = { kind, index };
      if (label !== undefined) labels.set(label, latest);
    }
    if (kind === "text") latestText = latest.index;
    return latest.index;
  };

  const say = (kind: "text" | "thinking", pieces: readonly string[], step: Repeated): void => {
    const { repeat = 1, per_read: together = 1 } = step;
    // Long answers are padded, so that they are more than the buffers of a connection.
    const padding: Fields = repeat < 1000 ? {} : { padding: "x".repeat(2000) };
    const index = blockOf(kind, step.part);
    for (let left = repeat; left > 0; left -= together) {
      const times = Math.min(left, together);
      const texts = times === 1 ? pieces : [pieces.join("").repeat(times)];
      for (const text of texts) add(index, { type: `${kind}_delta`, [kind]: text }, padding);
    }
  };

  const call = ({ id, name, arguments: pieces = [], executor }: ScriptedToolCall): void => {
    const given: Fields = id === "" ? {} : { id: id ?? "given" };
    const isProviders = executor === "PROVIDER";
    const index = start(
      isProviders
        ? { type: "mcp_tool_use", ...given, name, input: {}, server_name: "scripted" }
        : { type: "tool_use", ...given, name, input: {} },
    );
    for (const partial_json of ["", ...pieces]) add(index, { type: "input_json_delta", partial_json });
    stop(index);
    callsOut ||= !isProviders;
    latest = undefined;
  };

  const result = (tool_use_id: string, text: string, is_error: boolean): void => {
    stop(start({ type: "mcp_tool_result", tool_use_id, is_error, content: [{ type: "text", text }] }));
    latest = undefined;
  };

  const cite = ({ url = "", title = "" }: { url?: string | undefined; title?: string | undefined }, label?: string) => {
    const index = label === undefined && latestText !== undefined ? latestText : blockOf("text", label);
    latest = { kind: "text", index };
    const citation = { type: "web_search_result_location", cited_text: "", url, title, encrypted_index: "x" };
    add(index, { type: "citations_delta", citation });
  };

  return {
    events,
    play: (step) => {
      if ("text" in step) say("text", step.text, step);
      else if ("reasoning" in step) say("thinking", step.reasoning, step);
      else if ("tool_call" in step) call(step.tool_call);
      else if ("tool_calls" in step) step.tool_calls.forEach(call);
      else if ("tool_result" in step)
        result(step.tool_result.id, step.tool_result.text, step.tool_result.is_error === true);
      else if ("citation" in step) cite(step.citation, step.part);
      else if ("usage" in step)
        events.push({ type: "message_delta", delta: { stop_reason: null }, usage: wireUsage(step.usage) });
      else if ("finish" in step) word = FINISH_WORDS[step.finish.reason];
      else if (!("no_usage" in step)) throw new Error(`the wire has no word for ${Object.keys(step).join()}`);
    },
    fail: (reason) => {
      events.push(errorEvent(reason));
    },
    finish: () => {
      open.forEach(stop);
      const stop_reason = word ?? (callsOut ? "tool_use" : "end_turn");
      events.push({ type: "message_delta", delta: { stop_reason, stop_sequence: null } }, { type: "message_stop" });
    },
  };
}

function wireUsage(usage: ScriptedUsage): Fields {
  const { input_cache_write_5m = 0, input_cache_write_1h = 0 } = usage;
  return {
    input_tokens: usage.input_uncached ?? 0,
    cache_creation_input_tokens: input_cache_write_5m + input_cache_write_1h,
    cache_read_input_tokens: usage.input_cache_read ?? 0,
    cache_creation: {
      ephemeral_5m_input_tokens: input_cache_write_5m,
      ephemeral_1h_input_tokens: input_cache_write_1h,
    },
    output_tokens: usage.output_total ?? 0,
    output_tokens_details: { thinking_tokens: usage.output_reasoning ?? 0 },
  };
}
