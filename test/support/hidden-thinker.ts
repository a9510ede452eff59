import { createEmulator, type Emulator } from "../emulators/emulator.ts";
import type { Delivery, Exchange, ReceivedRequest } from "../emulators/exchange.ts";
import { createRandom, integerBetween, type Random } from "../emulators/random.ts";

/** A provider of `o3` that thinks 10,000 tokens in secret, or as many as it may, before it says a little, and bills a fifth more input than it got. */
export interface HiddenThinker {
  readonly emulator: Emulator;
  /** What it has billed so far, in nano-USD: also what it could not deliver, but not what it refused. */
  billedNanoUsd(): bigint;
  /** How many requests had which end. */
  ends(): Readonly<Record<ThinkerEnd, number>>;
  /** The most output that each request allowed, in order of arrival; undefined for one that named none. */
  caps(): readonly (number | undefined)[];
}

/**
 * How a request ends: answered, answered up to its maximum, answered without a word on its usage, refused without a bill, or broken off in the middle or before it
 * began, with the whole bill.
 */
export type ThinkerEnd = "answered" | "capped" | "silent" | "refused" | "cut" | "dropped";

/** Nano-USD of a token of `o3`, in and out (https://developers.openai.com/api/docs/pricing). */
const INPUT_NANO_USD = 2000;
const OUTPUT_NANO_USD = 8000;

const HIDDEN_TOKENS = 10_000;
const MOST_SHOWN_TOKENS = 1_500;
const TOKENS_A_CHUNK = 100;

/**
 * Starts the provider. `seed` decides of each request whether it is refused, cut or dropped, how many tokens it shows, how long it takes, and how its bytes
 * are split. The usage comes in a chunk of its own, a while after the last content.
 */
export async function startHiddenThinker(seed: number): Promise<HiddenThinker> {
  let billed = 0n;
  const ends = { answered: 0, capped: 0, silent: 0, refused: 0, cut: 0, dropped: 0 };
  const caps: (number | undefined)[] = [];
  const answer = ({ rawBody, index }: ReceivedRequest): Exchange => {
    const random = createRandom(Math.imul(seed, 1_000_003) + index);
    const sent = JSON.parse(Buffer.from(rawBody).toString("utf8")) as { readonly max_completion_tokens?: number };
    caps.push(sent.max_completion_tokens);
    const promptTokens = Math.ceil((rawBody.length / 4) * 1.2);
    const wanted = HIDDEN_TOKENS + integerBetween(random, 1, MOST_SHOWN_TOKENS);
    const completionTokens = Math.min(wanted, sent.max_completion_tokens ?? wanted);
    const end = endOf(random, completionTokens < wanted);
    ends[end] += 1;
    if (end === "refused") return { status: random() < 0.5 ? 400 : 503 };
    billed += BigInt(promptTokens * INPUT_NANO_USD + completionTokens * OUTPUT_NANO_USD);
    const isWhole = completionTokens === wanted;
    const pauses = integerBetween(random, 1, 8);
    const body = answerOf({ promptTokens, completionTokens, isWhole, pauses, tellsUsage: end !== "silent" });
    return { headers: { "content-type": "text/event-stream" }, body, delivery: deliveryOf(random, end) };
  };
  const emulator = await createEmulator({ seed, answer });
  return { emulator, billedNanoUsd: () => billed, ends: () => ends, caps: () => caps };
}

function endOf(random: Random, isCapped: boolean): ThinkerEnd {
  const draw = random();
  if (draw < 0.1) return "refused";
  if (draw < 0.2) return "cut";
  if (draw < 0.25) return "dropped";
  if (draw < 0.3) return "silent";
  return isCapped ? "capped" : "answered";
}

function deliveryOf(random: Random, end: ThinkerEnd): Delivery {
  const reset = random() < 0.5;
  if (end === "dropped") return { kind: "drop-before-headers", reset };
  if (end === "cut") {
    return {
      kind: "cut-after-events",
      events: integerBetween(random, 0, 1),
      ...(random() < 0.3 ? { clean: true } : { reset }),
    };
  }
  if (random() < 0.2) return { kind: "random-splits" };
  return { kind: "event-per-write", delayMs: integerBetween(random, 0, 4) };
}

/** The stream of an answer: its text, a while in which only comments come, and its usage. */
function answerOf(answer: {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly isWhole: boolean;
  readonly pauses: number;
  readonly tellsUsage: boolean;
}): Buffer {
  const { promptTokens, completionTokens, isWhole, pauses, tellsUsage } = answer;
  const chunk = (rest: object): string =>
    `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "o3", ...rest })}\n\n`;
  const hidden = Math.min(HIDDEN_TOKENS, completionTokens);
  const shown = completionTokens - hidden;
  const text = Array.from({ length: Math.ceil(shown / TOKENS_A_CHUNK) }, (_, index) => {
    const content = "so ".repeat(Math.min(TOKENS_A_CHUNK, shown - index * TOKENS_A_CHUNK));
    return chunk({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
  });
  const usage = chunk({
    choices: [],
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
      completion_tokens_details: { reasoning_tokens: hidden },
    },
  });
  return Buffer.from(
    [
      chunk({ choices: [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }] }),
      ...text,
      chunk({ choices: [{ index: 0, delta: {}, finish_reason: isWhole ? "stop" : "length" }] }),
      ": not yet\n\n".repeat(pauses),
      tellsUsage ? usage : "",
      "data: [DONE]\n\n",
    ].join(""),
  );
}
