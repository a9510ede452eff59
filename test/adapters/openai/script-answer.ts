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

/** How the emulator refuses for a reason: status and `code` of the error. */
const REFUSALS = {
  PROVIDER_REJECTED: [400, "unsupported_parameter"],
  CONTEXT_TOO_LONG: [400, "context_length_exceeded"],
  CONTENT_BLOCKED: [400, "content_filter"],
  PROVIDER_AUTH: [401, "invalid_api_key"],
  PROVIDER_PERMISSION: [403, null],
  PROVIDER_QUOTA: [429, "insufficient_quota"],
  PROVIDER_RATE_LIMITED: [429, "rate_limit_exceeded"],
  PROVIDER_MODEL_GONE: [404, "model_not_found"],
  PROVIDER_TIMEOUT: [408, null],
  PROVIDER_CONFLICT: [409, null],
  MESSAGE_TOO_LARGE: [413, null],
  PROVIDER_MODEL_ERROR: [400, "tool_use_failed"],
  PROVIDER_INTERNAL: [500, "server_error"],
  PROVIDER_UNAVAILABLE: [503, null],
  PROVIDER_OVERLOADED: [529, null],
  PROVIDER_UNKNOWN: [599, null],
} as const satisfies Partial<Record<Reason, readonly [number, string | null]>>;

const FINISH_WORDS: Partial<Record<ScriptedFinish["reason"], string>> = {
  STOP: "stop",
  LENGTH: "length",
  TOOL_CALLS: "tool_calls",
  CONTENT_FILTER: "content_filter",
};

const refusals = Object.keys(REFUSALS) as (keyof typeof REFUSALS)[];

/** What chat completions can say. Sound is left out because nobody says its format, state because each vendor has a form of its own. */
export const chatWire: Wire = {
  steps: new Set([
    "text",
    "reasoning",
    "refusal",
    "tool_call",
    "tool_calls",
    "citation",
    "logprobs",
    "image",
    "together",
  ]),
  onePartEach: true,
  usageBuckets: [
    "input_total",
    "output_total",
    "input_uncached",
    "input_cache_read",
    "input_cache_write_5m",
    "output_text",
    "output_reasoning",
  ],
  provisionalUsage: true,
  finishReasons: ["STOP", "LENGTH", "TOOL_CALLS", "CONTENT_FILTER"],
  omitsIds: true,
  freeForm: true,
  delays: false,
  errorsBefore: [...refusals, "PROVIDER_NETWORK"],
  errorsAfter: refusals,
  retryAfter: ["PROVIDER_RATE_LIMITED", "PROVIDER_UNAVAILABLE", "PROVIDER_OVERLOADED"],
};

const chunk = (choice: Fields, rest: Fields = {}): Fields => ({
  id: "chatcmpl-scripted",
  object: "chat.completion.chunk",
  created: 1_700_000_000,
  model: "scripted-model-of-the-emulator",
  choices: [{ index: 0, delta: {}, finish_reason: null, ...choice }],
  ...rest,
});
const delta = (fields: Fields): Fields => chunk({ delta: fields });

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
  const isWhole = !script.some((step) => "truncate" in step || "stall" in step || "error" in step);
  if (isWhole) player.finish();
  const events = player.chunks.map((one) => `data: ${JSON.stringify(one)}\n\n`);
  if (isWhole) events.push("data: [DONE]\n\n");
  return {
    headers: { "content-type": "text/event-stream" },
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

function errorBody(reason: Reason): Fields {
  const [status, code] = refusals.includes(reason as keyof typeof REFUSALS)
    ? REFUSALS[reason as keyof typeof REFUSALS]
    : [500, null];
  return { error: { message: `scripted ${status}`, type: null, code, status_code: status } };
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
    body: Buffer.from(JSON.stringify(errorBody(reason))),
  };
}

interface Repeated {
  readonly repeat?: number | undefined;
  readonly per_read?: number | undefined;
}

interface Player {
  readonly chunks: Fields[];
  play(step: EventStep): void;
  fail(reason: Reason): void;
  finish(): void;
}

function createPlayer(): Player {
  const chunks: Fields[] = [];
  let calls = 0;
  let refused = false;
  let word: string | undefined;

  const say = (field: string, pieces: readonly string[], { repeat = 1, per_read: together = 1 }: Repeated): void => {
    // Long answers are padded, as OpenAI's are, so that they are more than the buffers of a connection.
    const padding = repeat < 1000 ? {} : { obfuscation: "x".repeat(2000) };
    for (let left = repeat; left > 0; left -= together) {
      const times = Math.min(left, together);
      const texts = times === 1 ? pieces : [pieces.join("").repeat(times)];
      chunks.push(...texts.map((text) => ({ ...delta({ [field]: text }), ...padding })));
    }
  };

  /** Heads first, then the pieces of all in turn. */
  const call = (scripted: readonly ScriptedToolCall[]): void => {
    const heads = scripted.map(({ id, name, free_form }): Fields => {
      const index = calls;
      calls += 1;
      const shown = id === "" ? {} : { id: id ?? "given" };
      return free_form === true
        ? { index, ...shown, type: "custom", custom: { name, input: "" } }
        : { index, ...shown, type: "function", function: { name, arguments: "" } };
    });
    for (const head of heads) chunks.push(delta({ tool_calls: [head] }));
    const rounds = Math.max(...scripted.map((one) => one.arguments?.length ?? 0));
    for (let round = 0; round < rounds; round += 1) {
      for (const [at, one] of scripted.entries()) {
        const piece = one.arguments?.[round];
        if (piece === undefined) continue;
        const { index } = heads[at] ?? {};
        const body: Fields = one.free_form === true ? { custom: { input: piece } } : { function: { arguments: piece } };
        chunks.push(delta({ tool_calls: [{ index: index ?? 0, ...body }] }));
      }
    }
  };

  return {
    chunks,
    play: (step) => {
      if ("text" in step) say("content", step.text, step);
      else if ("reasoning" in step) say("reasoning_content", step.reasoning, step);
      else if ("refusal" in step) {
        refused = true;
        say("refusal", step.refusal, step);
      } else if ("tool_call" in step) call([step.tool_call]);
      else if ("tool_calls" in step) call(step.tool_calls);
      else if ("usage" in step) chunks.push(chunk({}, { choices: [], usage: wireUsage(step.usage) }));
      else if ("finish" in step) word = FINISH_WORDS[step.finish.reason];
      else if (!("no_usage" in step)) chunks.push(mediaChunk(step));
    },
    fail: (reason) => chunks.push(chunk({}, errorBody(reason))),
    finish: () => {
      const usual = calls > 0 ? "tool_calls" : "stop";
      const said = word ?? (calls > 0 ? usual : "stop");
      // `stop` beside a call or a refusal means these; Together's word is plain.
      const finish_reason = said === "stop" && (calls > 0 || refused) ? "eos" : said;
      chunks.push(chunk({ finish_reason }));
    },
  };
}

function mediaChunk(step: EventStep): Fields {
  if ("citation" in step) {
    const { url = "", title = "" } = step.citation;
    return delta({ annotations: [{ type: "url_citation", url_citation: { url, title } }] });
  }
  if ("logprobs" in step) {
    return chunk({
      logprobs: {
        content: step.logprobs.map(({ token, logprob }) => ({ token, logprob, bytes: null, top_logprobs: [] })),
      },
    });
  }
  if ("image" in step) {
    const { mime_type, data } = step.image;
    return delta({ images: [{ type: "image_url", image_url: { url: `data:${mime_type};base64,${data}` } }] });
  }
  throw new Error(`the wire has no word for ${Object.keys(step).join()}`);
}

function wireUsage(usage: ScriptedUsage): Fields {
  const {
    input_total = 0,
    output_total = 0,
    input_cache_read = 0,
    input_cache_write_5m = 0,
    output_reasoning = 0,
  } = usage;
  return {
    prompt_tokens: input_total,
    completion_tokens: output_total,
    total_tokens: input_total + output_total,
    prompt_tokens_details: { cached_tokens: input_cache_read, cache_write_tokens: input_cache_write_5m },
    completion_tokens_details: { reasoning_tokens: output_reasoning },
  };
}
