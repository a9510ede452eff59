import { type ChatRequest, Modality, type Sampling, Verbosity } from "../../gen/execution/v1/chat_pb.js";
import type { ResponseFormat } from "../../gen/execution/v1/tools_pb.js";
import { withinOutputBound } from "../output-bound.ts";
import type { HintField } from "./quirks.ts";
import { type BuildContext, cannotCarry, fitsWire, jsonObject, VENDOR } from "./request-notes.ts";
import { toOpenApi } from "./request-schema.ts";
import { buildThinking } from "./request-thinking.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Builds `generationConfig`. Undefined if nothing is in it. `modelMost`: most tokens the model can produce, if that is known. */
export function buildConfig(
  request: ChatRequest,
  modelMost: number | undefined,
  context: BuildContext,
): Fields | undefined {
  const thinkingConfig = buildThinking(request.reasoning, context);
  const config = {
    ...samplingFields(request.sampling, modelMost, context),
    ...formatFields(request.responseFormat, context),
    ...outputFields(request, context),
    ...(thinkingConfig !== undefined && { thinkingConfig }),
  };
  return Object.keys(config).length === 0 ? undefined : config;
}

/** A hint of the contract and the fields it becomes; absent if it is not given. */
type Hint = readonly [path: string, hint: HintField, fields: Fields] | undefined;

/** Keeps the hints the model takes and warns of the others. */
export function takenHints(hints: readonly Hint[], { quirks, ignored }: BuildContext): Fields {
  const taken: Fields[] = [];
  for (const hint of hints) {
    if (hint === undefined) continue;
    const [path, field, fields] = hint;
    if (quirks.ignores.includes(field)) ignored(path, "this model does not take it");
    else taken.push(fields);
  }
  return Object.assign({}, ...taken) as Fields;
}

function samplingFields(sampling: Sampling | undefined, modelMost: number | undefined, context: BuildContext): Fields {
  if (sampling === undefined) return {};
  const { temperature, topP, topK, stop, frequencyPenalty, presencePenalty, topLogprobs } = sampling;
  const maxOutputTokens = withinOutputBound(sampling.maxOutputTokens, modelMost, context);
  ignoreUnknown(sampling, context);
  return {
    ...(fitsWire("sampling.max_output_tokens", maxOutputTokens, context) && { maxOutputTokens }),
    ...takenHints(
      [
        given("temperature", temperature, { temperature }),
        given("top_p", topP, { topP }),
        fitsWire("sampling.top_k", topK, context) ? given("top_k", topK, { topK }) : undefined,
        stop.length === 0 ? undefined : ["sampling.stop", "stop", { stopSequences: stop }],
        seedHint(sampling, context),
        given("frequency_penalty", frequencyPenalty, { frequencyPenalty }),
        given("presence_penalty", presencePenalty, { presencePenalty }),
        given("logprobs", sampling.logprobs, { responseLogprobs: sampling.logprobs }),
        topLogprobs === undefined ? undefined : ["sampling.top_logprobs", "logprobs", { logprobs: topLogprobs }],
      ],
      context,
    ),
  };
}

function given(hint: HintField, value: unknown, fields: Fields): Hint {
  return value === undefined ? undefined : [`sampling.${hint}`, hint, fields];
}

function seedHint({ seed }: Sampling, context: BuildContext): Hint {
  return fitsWire("sampling.seed", seed, context) ? ["sampling.seed", "seed", { seed }] : undefined;
}

function ignoreUnknown({ minP, repetitionPenalty, logitBias }: Sampling, { ignored }: BuildContext): void {
  const isGiven = {
    min_p: minP !== undefined,
    repetition_penalty: repetitionPenalty !== undefined,
    logit_bias: Object.keys(logitBias).length > 0,
  };
  for (const [field, isSet] of Object.entries(isGiven)) {
    if (isSet) ignored(`sampling.${field}`, `${VENDOR} has no field for it`);
  }
}

const JSON_TYPE = { responseMimeType: "application/json" };

function formatFields(format: ResponseFormat | undefined, context: BuildContext): Fields {
  const { quirks, ignored } = context;
  if (format?.format.case === "json") return JSON_TYPE;
  if (format?.format.case !== "jsonSchema") return {};
  // A schema's name has no place on this wire and means nothing to the model.
  const { description, schemaJson, strict } = format.format.value;
  const path = "response_format.json_schema";
  if (description !== undefined) ignored(`${path}.description`, `${VENDOR} takes the schema alone`);
  if (strict === false) ignored(`${path}.strict`, `${VENDOR} always holds the answer to its schema`);
  const schema = jsonObject(schemaJson, `${path}.schema_json`);
  return quirks.schemas === "openapi"
    ? { ...JSON_TYPE, responseSchema: toOpenApi(schemaJson, `${path}.schema_json`, context) }
    : { ...JSON_TYPE, responseJsonSchema: schema };
}

const MODALITY_WORDS: Readonly<Record<Modality, string>> = {
  [Modality.UNSPECIFIED]: "TEXT",
  [Modality.TEXT]: "TEXT",
  [Modality.AUDIO]: "AUDIO",
  [Modality.IMAGE]: "IMAGE",
};

function outputFields({ modalities, audioOutput, verbosity }: ChatRequest, { ignored }: BuildContext): Fields {
  if (verbosity !== Verbosity.UNSPECIFIED) ignored("verbosity", `${VENDOR} has no field for it`);
  const { format = "", voice = "" } = audioOutput ?? {};
  if (format !== "") ignored("audio_output.format", `${VENDOR} makes sound in a format of its own`);
  return {
    ...(modalities.length > 0 && { responseModalities: modalities.map((modality) => MODALITY_WORDS[modality]) }),
    ...(voice !== "" && { speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: voice } } } }),
  };
}

/** The error for upstreams to choose from, which one vendor does not have. */
export function refuseRouting({ upstreamRouting }: ChatRequest): void {
  if (upstreamRouting !== undefined) throw cannotCarry("upstream_routing", "choice of upstreams");
}
