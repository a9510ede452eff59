import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Reasoning,
  ReasoningEffort,
  ReasoningSchema,
  ReasoningSummary,
  type Sampling,
  SamplingSchema,
} from "../../gen/execution/v1/chat_pb.js";
import {
  asBoolean,
  asCount,
  asInt64,
  asList,
  asName,
  asNumber,
  asObject,
  asWord,
  type Field,
  type ObjectFields,
  optional,
  refuse,
} from "../edge/fields.ts";

/** Reads how words are picked; undefined if the body says nothing of it. Bounds are the contract's. */
export function readSampling(body: ObjectFields): Sampling | undefined {
  const seed = either(body, "seed", "random_seed", asInt64);
  const maxOutputTokens = either(body, "max_completion_tokens", "max_tokens", (field) => asCount(field, 1));
  const found: MessageInitShape<typeof SamplingSchema> = {
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    ...optional("temperature", body.take("temperature"), (field) => asNumber(field, 0, 2)),
    ...optional("topP", body.take("top_p"), (field) => asNumber(field, 0, 1)),
    ...optional("topK", body.take("top_k"), (field) => asCount(field, 0)),
    ...optional("minP", body.take("min_p"), (field) => asNumber(field, 0, 1)),
    ...optional("stop", body.take("stop"), readStop),
    ...(seed !== undefined && { seed }),
    ...optional("frequencyPenalty", body.take("frequency_penalty"), (field) => asNumber(field, -2, 2)),
    ...optional("presencePenalty", body.take("presence_penalty"), (field) => asNumber(field, -2, 2)),
    ...optional("repetitionPenalty", body.take("repetition_penalty"), (field) => asNumber(field, 0, Number.MAX_VALUE)),
    ...optional("logitBias", body.take("logit_bias"), readLogitBias),
    ...optional("logprobs", body.take("logprobs"), asBoolean),
    ...optional("topLogprobs", body.take("top_logprobs"), (field) => asCount(field, 0, 50)),
  };
  return Object.keys(found).length === 0 ? undefined : create(SamplingSchema, found);
}

/** A field that goes by two names; both may be there if they agree. */
function either<Value>(
  body: ObjectFields,
  name: string,
  other: string,
  read: (field: Field) => Value,
): Value | undefined {
  const fields = [body.take(name), body.take(other)].flatMap((field) => (field === undefined ? [] : [field]));
  const [value, second = value] = fields.map(read);
  return value === second ? value : refuse(other, `differs from ${name}; send one of them`);
}

function readStop(field: Field): string[] {
  return typeof field.value === "string" ? [asName(field)] : asList(field).map(asName);
}

function readLogitBias(field: Field): { [token: number]: number } {
  const entries = asObject(field)
    .rest()
    .map(([token, bias]) => {
      if (!/^\d{1,9}$/.test(token)) refuse(bias.path, "must be under a token id");
      return [Number(token), asNumber(bias, -100, 100)];
    });
  return Object.fromEntries(entries);
}

const EFFORTS = {
  none: ReasoningEffort.NONE,
  minimal: ReasoningEffort.MINIMAL,
  low: ReasoningEffort.LOW,
  medium: ReasoningEffort.MEDIUM,
  high: ReasoningEffort.HIGH,
  xhigh: ReasoningEffort.XHIGH,
  max: ReasoningEffort.MAX,
};

type ReasoningInit = MessageInitShape<typeof ReasoningSchema>;

const readEffort = (field: Field): ReasoningEffort => asWord(field, EFFORTS);
const readTokens = (field: Field): number => asCount(field, 0);

/**
 * Reads what is asked of reasoning, in the forms of OpenAI (`reasoning_effort`), OpenRouter (`reasoning`), Z.AI, DeepSeek and Moonshot
 * (`thinking`) and Alibaba (`enable_thinking`, `thinking_budget`); undefined if the body says nothing of it.
 */
export function readReasoning(body: ObjectFields): Reasoning | undefined {
  const found: ReasoningInit = {
    ...optional("enabled", body.take("enable_thinking"), asBoolean),
    ...optional("tokenBudget", body.take("thinking_budget"), readTokens),
    ...thinking(body.take("thinking")),
    ...openrouter(body.take("reasoning")),
    ...optional("effort", body.take("reasoning_effort"), readEffort),
  };
  return Object.keys(found).length === 0 ? undefined : create(ReasoningSchema, found);
}

function openrouter(field: Field | undefined): ReasoningInit {
  if (field === undefined) return {};
  const reasoning = asObject(field);
  const exclude = reasoning.take("exclude");
  const found = {
    ...optional("effort", reasoning.take("effort"), readEffort),
    ...optional("tokenBudget", reasoning.take("max_tokens"), readTokens),
    ...optional("enabled", reasoning.take("enabled"), asBoolean),
    ...(exclude !== undefined && asBoolean(exclude) && { summary: ReasoningSummary.NONE }),
  };
  reasoning.close();
  return found;
}

function thinking(field: Field | undefined): ReasoningInit {
  if (field === undefined) return {};
  const fields = asObject(field);
  const found = {
    ...optional(
      "enabled",
      fields.take("type"),
      (type) => asWord(type, { enabled: { on: true }, disabled: { on: false } }).on,
    ),
    ...optional("tokenBudget", fields.take("budget_tokens"), readTokens),
    ...optional("discardPrevious", fields.take("clear_thinking"), asBoolean),
  };
  fields.close();
  return found;
}
