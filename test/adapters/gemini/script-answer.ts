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

/** How a stream is framed. */
export type Framing = "events" | "array";

/** How the emulator refuses for a reason: HTTP status, status word, and where that does not tell, message or the reason of an `ErrorInfo`. */
const REFUSALS = {
  PROVIDER_REJECTED: [400, "INVALID_ARGUMENT", {}],
  CONTEXT_TOO_LONG: [
    400,
    "INVALID_ARGUMENT",
    { message: "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576)." },
  ],
  MESSAGE_TOO_LARGE: [
    400,
    "INVALID_ARGUMENT",
    { message: "Request payload size exceeds the limit: 20971520 bytes. Please use the file API." },
  ],
  PROVIDER_AUTH: [400, "INVALID_ARGUMENT", { info: "API_KEY_INVALID" }],
  PROVIDER_QUOTA: [400, "FAILED_PRECONDITION", { message: "Please enable billing on your project in AI Studio." }],
  PROVIDER_PERMISSION: [403, "PERMISSION_DENIED", {}],
  PROVIDER_MODEL_GONE: [404, "NOT_FOUND", {}],
  PROVIDER_CONFLICT: [409, "ABORTED", {}],
  PROVIDER_RATE_LIMITED: [429, "RESOURCE_EXHAUSTED", {}],
  PROVIDER_INTERNAL: [500, "INTERNAL", {}],
  PROVIDER_UNAVAILABLE: [503, "UNAVAILABLE", {}],
  PROVIDER_TIMEOUT: [504, "DEADLINE_EXCEEDED", {}],
  PROVIDER_UNKNOWN: [599, "SOMETHING_NEW", {}],
} as const satisfies Partial<
  Record<Reason, readonly [number, string, { readonly message?: string; readonly info?: string }]>
>;

const FINISH_WORDS: Partial<Record<ScriptedFinish["reason"], string>> = {
  STOP: "STOP",
  TOOL_CALLS: "STOP",
  LENGTH: "MAX_TOKENS",
  CONTENT_FILTER: "SAFETY",
  OTHER: "MALFORMED_FUNCTION_CALL",
};

const refusals = Object.keys(REFUSALS) as (keyof typeof REFUSALS)[];

/**
 * What generateContent can say. Free-form calls and refusals there are none; STOP means that a call waits wherever there is one, so neither is
 * drawn as a word. State is left out because it is of a form of its own: signatures and raw parts.
 */
export const geminiWire: Wire = {
  steps: new Set([
    "text",
    "reasoning",
    "tool_call",
    "tool_calls",
    "tool_result",
    "citation",
    "logprobs",
    "image",
    "together",
  ]),
  onePartEach: false,
  partsInTurn: true,
  argumentObjects: true,
  usageBuckets: [
    "input_total",
    "output_total",
    "input_uncached",
    "input_cache_read",
    "input_audio",
    "input_image",
    "output_text",
    "output_reasoning",
    "output_audio",
    "output_image",
  ],
  provisionalUsage: true,
  finishReasons: ["LENGTH", "CONTENT_FILTER", "OTHER"],
  omitsIds: true,
  freeForm: false,
  delays: false,
  errorsBefore: [...refusals, "PROVIDER_NETWORK"],
  errorsAfter: refusals,
  retryAfter: ["PROVIDER_RATE_LIMITED", "PROVIDER_UNAVAILABLE", "PROVIDER_INTERNAL"],
  ownStates: ["gemini/part"],
};

/** The answer to a request that is to play a script. What the wire has no words for throws. */
export function scriptedExchange(script: Script, framing: Framing, delivery: Delivery): Exchange {
  const [first] = script;
  if (first !== undefined && "error" in first) return refusalOf(first.error);
  const player = createPlayer();
  for (const step of script) {
    if ("together" in step) player.together(step.together);
    else if ("error" in step) player.chunks.push(errorBody(step.error.reason));
    else if (!("truncate" in step || "stall" in step || "delay_ms" in step)) player.play(step);
  }
  const isWhole = !script.some((step) => "truncate" in step || "stall" in step || "error" in step);
  if (isWhole) player.finish();
  return {
    headers: { "content-type": framing === "array" ? "application/json; charset=UTF-8" : "text/event-stream" },
    body: Buffer.from(framing === "array" ? arrayOf(player.chunks, isWhole) : eventsOf(player.chunks)),
    delivery: brokenDelivery(script, player.chunks.length) ?? delivery,
  };
}

/** Google ends the lines of an event with CRLF. */
const eventsOf = (chunks: readonly Fields[]): string =>
  chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`).join("");

const arrayOf = (chunks: readonly Fields[], closed: boolean): string =>
  `[${chunks.map((chunk) => JSON.stringify(chunk, null, 2)).join("\n,\r\n")}${closed ? "\n]\n" : ""}`;

/** How a script that does not end well is delivered: broken off, by a clean end or not, or left standing. */
function brokenDelivery(script: Script, events: number): Delivery | undefined {
  if (script.some((step) => "stall" in step)) return { kind: "stall-after-events", events };
  if (!script.some((step) => "truncate" in step)) return undefined;
  return events % 2 === 0 ? { kind: "cut-after-events", events, clean: true } : { kind: "cut-after-events", events };
}

function errorBody(reason: Reason, retryAfterMs?: number): Fields {
  const [code, status, said] = REFUSALS[reason as keyof typeof REFUSALS];
  const type = "type.googleapis.com/google.rpc";
  const info = "info" in said ? [{ "@type": `${type}.ErrorInfo`, reason: said.info, domain: "googleapis.com" }] : [];
  const retry =
    retryAfterMs === undefined ? [] : [{ "@type": `${type}.RetryInfo`, retryDelay: `${retryAfterMs / 1000}s` }];
  const message = "message" in said ? said.message : `scripted ${code}`;
  return { error: { code, message, status, details: [...info, ...retry] } };
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
  return {
    status,
    headers: { "content-type": "application/json; charset=UTF-8" },
    body: Buffer.from(JSON.stringify(errorBody(reason, retry_after_ms))),
  };
}

interface Repeated {
  readonly repeat?: number | undefined;
  readonly per_read?: number | undefined;
}

interface Player {
  readonly chunks: Fields[];
  play(step: EventStep): void;
  /** Plays steps as parts of one chunk. */
  together(steps: readonly EventStep[]): void;
  finish(): void;
}

function createPlayer(): Player {
  const chunks: Fields[] = [];
  let word: string | undefined;
  let usage: Fields | undefined;

  const chunk = (candidate: Fields, rest: Fields = {}): Fields => ({
    candidates: [{ index: 0, ...candidate }],
    ...(usage !== undefined && { usageMetadata: usage }),
    modelVersion: "scripted-model-of-the-emulator",
    responseId: "scripted",
    ...rest,
  });
  const content = (parts: readonly Fields[], rest: Fields = {}): Fields =>
    chunk({ content: { role: "model", parts: [...parts] } }, rest);

  const say = (rest: Fields, pieces: readonly string[], { repeat = 1, per_read: together = 1 }: Repeated): void => {
    // Long answers are padded so that they are more than the buffers of a connection.
    const padding = repeat < 1000 ? {} : { padding: "x".repeat(2000) };
    for (let left = repeat; left > 0; left -= together) {
      const times = Math.min(left, together);
      const texts = times === 1 ? pieces : [pieces.join("").repeat(times)];
      chunks.push(...texts.map((text) => content([{ text, ...rest }], padding)));
    }
  };

  return {
    chunks,
    play: (step) => {
      if ("text" in step) say({}, step.text, step);
      else if ("reasoning" in step) say({ thought: true }, step.reasoning, step);
      else if ("tool_call" in step) chunks.push(content([callPart(step.tool_call)]));
      else if ("tool_calls" in step) chunks.push(content(step.tool_calls.map(callPart)));
      else if ("usage" in step) {
        usage = wireUsage(step.usage);
        chunks.push(chunk({}));
      } else if ("finish" in step) word = FINISH_WORDS[step.finish.reason];
      else if (!("no_usage" in step)) chunks.push(otherChunk(step, chunks.length, content, chunk));
    },
    together: (steps) => {
      const parts = steps.flatMap((step): Fields[] => {
        if ("text" in step) return step.text.map((text) => ({ text }));
        return "reasoning" in step ? step.reasoning.map((text) => ({ text, thought: true })) : [];
      });
      chunks.push(content(parts));
    },
    finish: () => chunks.push(chunk({ finishReason: word ?? "STOP" })),
  };
}

function callPart({ id, name, arguments: pieces, executor }: ScriptedToolCall): Fields {
  const args = pieces === undefined || pieces.length === 0 ? {} : { args: JSON.parse(pieces.join("")) as JsonValue };
  const shown = id === "" ? {} : { id: id ?? "given" };
  return executor === "PROVIDER"
    ? { toolCall: { toolType: name, ...shown, ...args } }
    : { functionCall: { name, ...shown, ...args } };
}

type Candidate = (candidate: Fields) => Fields;

function otherChunk(
  step: EventStep,
  number: number,
  content: (parts: readonly Fields[]) => Fields,
  chunk: Candidate,
): Fields {
  if ("tool_result" in step) {
    const { id, text, is_error } = step.tool_result;
    const outcome = is_error === true ? "OUTCOME_FAILED" : "OUTCOME_OK";
    return content([{ codeExecutionResult: { id, outcome, output: text } }]);
  }
  if ("citation" in step) {
    const { url = "", title = "" } = step.citation;
    // The same source twice is one source, so each is made another.
    const web = { uri: url, title, domain: `number ${number}` };
    return chunk({ groundingMetadata: { groundingChunks: [{ web }] } });
  }
  if ("logprobs" in step) {
    const chosenCandidates = step.logprobs.map(({ token, logprob }) => ({ token, logProbability: logprob }));
    return chunk({ logprobsResult: { chosenCandidates } });
  }
  if ("image" in step) {
    const { mime_type, data } = step.image;
    return content([{ inlineData: { mimeType: mime_type, data } }]);
  }
  throw new Error(`the wire has no word for ${Object.keys(step).join()}`);
}

function wireUsage(usage: ScriptedUsage): Fields {
  const { input_total = 0, output_total = 0, input_cache_read = 0, output_reasoning = 0 } = usage;
  const details = (audio = 0, image = 0): JsonValue => [
    { modality: "AUDIO", tokenCount: audio },
    { modality: "IMAGE", tokenCount: image },
  ];
  return {
    promptTokenCount: input_total,
    cachedContentTokenCount: input_cache_read,
    candidatesTokenCount: output_total - output_reasoning,
    thoughtsTokenCount: output_reasoning,
    totalTokenCount: input_total + output_total,
    promptTokensDetails: details(usage.input_audio, usage.input_image),
    candidatesTokensDetails: details(usage.output_audio, usage.output_image),
  };
}
