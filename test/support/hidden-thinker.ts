import { createEmulator, type Emulator } from "../emulators/emulator.ts";

/** A provider of `o3` that thinks in secret: it shows a word, and bills 10,000 tokens of reasoning, or as many as it may, and a fifth more input than it got. */
export interface HiddenThinker {
  readonly emulator: Emulator;
  /** What it has billed so far, in nano-USD. */
  billedNanoUsd(): bigint;
}

/** Nano-USD of a token of `o3`, in and out (https://developers.openai.com/api/docs/pricing). */
const INPUT_NANO_USD = 2000;
const OUTPUT_NANO_USD = 8000;

/** Starts the provider. Its usage comes last, in a chunk of its own, and each answer takes a while that `seed` decides. */
export async function startHiddenThinker(seed: number): Promise<HiddenThinker> {
  let billed = 0n;
  const emulator = await createEmulator({
    seed,
    answer: ({ rawBody }) => {
      const sent = JSON.parse(Buffer.from(rawBody).toString("utf8")) as { readonly max_completion_tokens?: number };
      const promptTokens = Math.ceil((rawBody.length / 4) * 1.2);
      const completionTokens = Math.min(10_000, sent.max_completion_tokens ?? 10_000);
      billed += BigInt(promptTokens * INPUT_NANO_USD + completionTokens * OUTPUT_NANO_USD);
      const chunk = (rest: object): string =>
        `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "o3", ...rest })}\n\n`;
      const text = [
        chunk({ choices: [{ index: 0, delta: { role: "assistant", content: "so" }, finish_reason: null }] }),
        chunk({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }),
        chunk({
          choices: [],
          usage: {
            prompt_tokens: promptTokens,
            completion_tokens: completionTokens,
            total_tokens: promptTokens + completionTokens,
            completion_tokens_details: { reasoning_tokens: completionTokens - 1 },
          },
        }),
        "data: [DONE]\n\n",
      ].join("");
      return {
        headers: { "content-type": "text/event-stream" },
        body: Buffer.from(text),
        delivery: {
          kind: "event-per-write",
          delayMs: 1 + (Math.imul(promptTokens + emulator.requests.length, seed) % 4),
        },
      };
    },
  });
  return { emulator, billedNanoUsd: () => billed };
}
