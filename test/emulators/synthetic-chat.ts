import type { ExpectedAnswer } from "../support/recordings.ts";
import type { JsonValue } from "./exchange.ts";
import { createRandom, integerBetween, type Random, randomToken, randomWord } from "./random.ts";

/** One tool call of a synthetic answer. */
interface SyntheticToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: Readonly<Record<string, JsonValue>>;
}

/** What the synthetic stream holds; whatever is not given is drawn from `seed`. */
export interface SyntheticChatOptions {
  /** Decides every random value: the same options and seed give the same bytes. */
  readonly seed: number;
  /** Text deltas; at least 0. Fewer come where `text` has fewer characters. */
  readonly chunks: number;
  /** Default: about two random words a chunk, some with characters of several bytes. */
  readonly text?: string;
  /** Calls to make, or how many random ones; default 0. More than one are interleaved. */
  readonly toolCalls?: number | readonly SyntheticToolCall[];
  /** Where `usage` is: in a last chunk of its own (default), in every chunk, or nowhere. */
  readonly usage?: "last" | "every" | "none";
  /** Adds a few reasoning deltas under this field name; default none. */
  readonly reasoningField?: "reasoning" | "reasoning_content";
  /** Whether `data: [DONE]` ends the stream; default true. */
  readonly doneMarker?: boolean;
}

/** A synthetic stream and what a correct decoder makes of it. */
export interface SyntheticChat {
  /** SSE bytes of `chat.completion.chunk` objects, as an OpenAI-compatible server sends them. */
  readonly body: Uint8Array;
  readonly expected: ExpectedAnswer;
}

type Delta = Readonly<Record<string, JsonValue>>;

function randomToolCall(random: Random): SyntheticToolCall {
  const fields = Array.from({ length: integerBetween(random, 0, 3) }, (): [string, JsonValue] => [
    randomToken(random, 6),
    random() < 0.5 ? randomWord(random) : integerBetween(random, -1000, 1000),
  ]);
  return {
    id: `call_${randomToken(random, 24)}`,
    name: `tool_${randomToken(random, 8)}`,
    arguments: Object.fromEntries(fields),
  };
}

/** Cuts a text into at most `count` parts of nearly equal length, never inside a character. */
function cutText(text: string, count: number): string[] {
  const characters = [...text];
  const parts = Math.min(count, characters.length);
  return Array.from({ length: parts }, (_, index) =>
    characters
      .slice(Math.floor((index * characters.length) / parts), Math.floor(((index + 1) * characters.length) / parts))
      .join(""),
  );
}

/** The deltas of all calls: the head of each in turn, then their argument pieces in rounds. */
function toolCallDeltas(calls: readonly SyntheticToolCall[]): Delta[] {
  const heads = calls.map(({ id, name }, index): Delta => {
    return { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] };
  });
  const pieces = calls.map((call) => cutText(JSON.stringify(call.arguments), 4));
  const rounds = [0, 1, 2, 3].flatMap((round) =>
    pieces.flatMap((parts, index): Delta[] => {
      const piece = parts[round];
      return piece === undefined ? [] : [{ tool_calls: [{ index, function: { arguments: piece } }] }];
    }),
  );
  return [...heads, ...rounds];
}

function usageOf(promptTokens: number, completionTokens: number): { readonly [key: string]: JsonValue } {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/** Makes one streamed chat completion; nothing in it but the wire's own field names can be known in advance. */
export function syntheticChat(options: SyntheticChatOptions): SyntheticChat {
  const random = createRandom(options.seed);
  const usagePlace = options.usage ?? "last";
  const words = Array.from({ length: options.chunks * 2 }, () => randomWord(random)).join(" ");
  const textParts = cutText(options.text ?? words, options.chunks);
  const asked = options.toolCalls ?? 0;
  const calls = typeof asked === "number" ? Array.from({ length: asked }, () => randomToolCall(random)) : asked;
  const field = options.reasoningField;
  const reasoningParts = field === undefined ? [] : Array.from({ length: 4 }, () => `${randomWord(random)} `);
  const finishReason = calls.length > 0 ? "tool_calls" : "stop";
  const envelope = {
    id: `chatcmpl-${randomToken(random, 24)}`,
    object: "chat.completion.chunk",
    created: 1_700_000_000 + integerBetween(random, 0, 50_000_000),
    model: `model-${randomToken(random, 8)}`,
  };

  const deltas: Delta[] = [
    { role: "assistant", content: "" },
    ...(field === undefined ? [] : reasoningParts.map((part): Delta => ({ [field]: part }))),
    ...textParts.map((content): Delta => ({ content })),
    ...toolCallDeltas(calls),
  ];
  const promptTokens = integerBetween(random, 1, 5000);
  const usage = usageOf(promptTokens, deltas.length);
  const chunks: JsonValue[] = [...deltas, {}].map((delta, index) => ({
    ...envelope,
    choices: [{ index: 0, delta, finish_reason: index === deltas.length ? finishReason : null }],
    ...(usagePlace === "every" && { usage: usageOf(promptTokens, Math.min(index, deltas.length)) }),
  }));
  if (usagePlace === "last") chunks.push({ ...envelope, choices: [], usage });

  const events = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`);
  if (options.doneMarker ?? true) events.push("data: [DONE]\n\n");
  return {
    body: new TextEncoder().encode(events.join("")),
    expected: {
      text: textParts.join(""),
      ...(reasoningParts.length > 0 && { reasoning: reasoningParts.join("") }),
      toolCalls: calls,
      finishReason,
      ...(usagePlace !== "none" && { usage }),
      stream: true,
    },
  };
}
