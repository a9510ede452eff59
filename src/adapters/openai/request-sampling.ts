import { type ChatRequest, ReasoningEffort, type Sampling } from "../../gen/execution/v1/chat_pb.js";
import { withinOutputBound } from "../output-bound.ts";
import type { Quirks } from "./quirks.ts";
import { type Hint, takenHints } from "./request-hints.ts";
import type { BuildContext } from "./request-notes.ts";
import type { WireBody } from "./request-wire.ts";

/**
 * Builds the sampling fields the model takes. Those it does not take are left out with a warning; a temperature above the server's highest becomes
 * that, and a bound of the output above `modelMost`, the most the model can make (absent: not known), becomes that, each with a warning.
 */
export function buildSampling(
  request: ChatRequest,
  modelMost: number | undefined,
  context: BuildContext,
): Partial<WireBody> {
  const { sampling } = request;
  if (sampling === undefined) return {};
  const { maxTokensField } = context.quirks;
  const maxOutputTokens = withinOutputBound(sampling.maxOutputTokens, modelMost, context);
  const taken = takenHints(samplingHints(sampling, context.quirks), reasonsFor(request, context.quirks), context);
  return {
    ...(maxOutputTokens !== undefined && { [maxTokensField]: maxOutputTokens }),
    ...withinRange(taken, context),
  };
}

function reasonsFor({ reasoning }: ChatRequest, { reasonsByDefault }: Quirks): boolean {
  const effort = reasoning?.effort ?? ReasoningEffort.UNSPECIFIED;
  return effort === ReasoningEffort.UNSPECIFIED ? reasonsByDefault : effort !== ReasoningEffort.NONE;
}

function samplingHints(sampling: Sampling, { seedField }: Quirks): Hint[] {
  const { temperature, topP, topK, minP, stop, seed, frequencyPenalty, presencePenalty, repetitionPenalty } = sampling;
  const { logitBias, logprobs, topLogprobs } = sampling;
  return [
    temperature === undefined ? undefined : ["sampling.temperature", "temperature", { temperature }],
    topP === undefined ? undefined : ["sampling.top_p", "top_p", { top_p: topP }],
    topK === undefined ? undefined : ["sampling.top_k", "top_k", { top_k: topK }],
    minP === undefined ? undefined : ["sampling.min_p", "min_p", { min_p: minP }],
    stop.length === 0 ? undefined : ["sampling.stop", "stop", { stop }],
    seed === undefined ? undefined : ["sampling.seed", "seed", { [seedField]: seed }],
    frequencyPenalty === undefined
      ? undefined
      : ["sampling.frequency_penalty", "frequency_penalty", { frequency_penalty: frequencyPenalty }],
    presencePenalty === undefined
      ? undefined
      : ["sampling.presence_penalty", "presence_penalty", { presence_penalty: presencePenalty }],
    repetitionPenalty === undefined
      ? undefined
      : ["sampling.repetition_penalty", "repetition_penalty", { repetition_penalty: repetitionPenalty }],
    Object.keys(logitBias).length === 0 ? undefined : ["sampling.logit_bias", "logit_bias", { logit_bias: logitBias }],
    logprobs === undefined ? undefined : ["sampling.logprobs", "logprobs", { logprobs }],
    topLogprobs === undefined ? undefined : ["sampling.top_logprobs", "logprobs", { top_logprobs: topLogprobs }],
  ];
}

function withinRange(fields: Partial<WireBody>, { quirks, ignored, changed }: BuildContext): Partial<WireBody> {
  const { random_seed: seed, ...rest } = fields;
  const highest = quirks.highestTemperature;
  const isTooHigh = (rest.temperature ?? 0) > highest;
  if (isTooHigh) changed("sampling.temperature", `${quirks.vendor}'s highest is ${highest}, which was sent`);
  // `random_seed` is Mistral's, whose API reference has it from 0 on.
  const isSeed = seed !== undefined && seed >= 0n;
  if (seed !== undefined && !isSeed) ignored("sampling.seed", `${quirks.vendor} takes none below 0`);
  return { ...rest, ...(isTooHigh && { temperature: highest }), ...(isSeed && { random_seed: seed }) };
}
