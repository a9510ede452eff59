import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import { OWNER } from "./blocks.ts";
import type { BuildContext } from "./request-notes.ts";
import type { WireBody } from "./request-wire.ts";

/** The least `top_p` that goes with thinking. */
const LEAST_TOP_P_THINKING = 0.95;

type Sampled = Pick<WireBody, "temperature" | "top_p" | "top_k" | "stop_sequences">;

/**
 * Builds the sampling fields the model takes; what it does not take is left out with a warning. `isThinking`: thinking is asked for, with which
 * temperature is fixed, `top_k` refused, and `top_p` bounded from below.
 */
export function buildSampling({ sampling }: ChatRequest, isThinking: boolean, context: BuildContext): Sampled {
  if (sampling === undefined) return {};
  const { ignored, quirks } = context;
  const lacking = { seed: sampling.seed, frequency_penalty: sampling.frequencyPenalty, min_p: sampling.minP };
  const more = { presence_penalty: sampling.presencePenalty, repetition_penalty: sampling.repetitionPenalty };
  const told = { logprobs: sampling.logprobs, top_logprobs: sampling.topLogprobs };
  for (const [field, value] of Object.entries({ ...lacking, ...more, ...told })) {
    if (value !== undefined) ignored(`sampling.${field}`, `${OWNER} has no field for it`);
  }
  if (Object.keys(sampling.logitBias).length > 0) ignored("sampling.logit_bias", `${OWNER} has no field for it`);
  const stop = sampling.stop.length === 0 ? {} : { stop_sequences: sampling.stop };
  if (quirks.sampling === "none") {
    const { temperature, topP, topK } = sampling;
    for (const [field, value] of Object.entries({ temperature, top_p: topP, top_k: topK })) {
      if (value !== undefined) ignored(`sampling.${field}`, "this model does not take it");
    }
    return stop;
  }
  return { ...takenSampling(sampling, isThinking, context), ...stop };
}

function takenSampling(
  { temperature, topP, topK }: NonNullable<ChatRequest["sampling"]>,
  isThinking: boolean,
  { quirks, ignored, changed }: BuildContext,
): Sampled {
  const taken: Sampled = {};
  if (temperature !== undefined) {
    if (isThinking && temperature !== 1) ignored("sampling.temperature", "it is fixed while the model thinks");
    else taken.temperature = Math.min(temperature, 1);
    if (!isThinking && temperature > 1) changed("sampling.temperature", `${OWNER}'s highest is 1, which was sent`);
  }
  if (topP !== undefined) {
    if (isThinking && topP < LEAST_TOP_P_THINKING) {
      ignored("sampling.top_p", `it is at least ${LEAST_TOP_P_THINKING} while the model thinks`);
    } else if (quirks.sampling === "one_of" && taken.temperature !== undefined) {
      ignored("sampling.top_p", "this model takes temperature or top_p, not both");
    } else taken.top_p = topP;
  }
  if (topK !== undefined) {
    if (isThinking) ignored("sampling.top_k", "it does not go with thinking");
    else taken.top_k = topK;
  }
  return taken;
}
