import type { JsonValue } from "@bufbuild/protobuf";

type Fields = Readonly<Record<string, JsonValue | undefined>>;
type Projection = (event: Fields) => readonly [name: string, data: Fields];

/**
 * The short form of a stream, made from its events in ProtoJSON by what the contract says of it and not by the code under test, so that the two
 * forms can be compared.
 */
export function shortFormOf(events: readonly JsonValue[]): JsonValue[] {
  const calls = new Map<string, JsonValue | undefined>();
  return events.map((event): JsonValue => {
    const [name, value] = Object.entries(event as Fields).find(([key]) => key !== "sequence") ?? ["", {}];
    const fields = value as Fields;
    const place = `${fields.step ?? 0}/${fields.part ?? 0}`;
    if (name === "toolCallStarted") calls.set(place, fields.id);
    const project = PROJECTIONS[name];
    if (project === undefined) throw new Error(`the contract has no short form of ${name}`);
    const [shortName, data] = project({ ...fields, id: fields.id ?? calls.get(place) });
    return { event: shortName, data: present(data) };
  });
}

const words = (text: JsonValue | undefined): JsonValue => text ?? "";
const count = (number: JsonValue | undefined): JsonValue => number ?? 0;
const said =
  (name: string): Projection =>
  (event) => [name, { text: words(event.text) }];
/** Enums without their type's name. */
const word = (value: JsonValue | undefined, prefix: string): JsonValue => String(value).replace(prefix, "");
const executor = (value: JsonValue | undefined): JsonValue => word(value, "EXECUTOR_");
const as =
  (name: string): Projection =>
  ({ id: _id, ...rest }) => [name, snake(rest) as Fields];

const PROJECTIONS: Readonly<Record<string, Projection>> = {
  started: ({ streamId, resumeToken, requestId, persona }) => [
    "started",
    { stream_id: streamId, resume_token: words(resumeToken), request_id: requestId, persona },
  ],
  attemptStarted: ({ attempt, step, candidate, toolTier }) => [
    "attempt",
    {
      state: "started",
      attempt: count(attempt),
      step: count(step),
      ...(candidate as Fields),
      tool_tier: count(toolTier),
    },
  ],
  attemptFailed: ({ attempt, step, reason, billed, next, providerMessage, usage, costNanoUsd }) => [
    "attempt",
    {
      state: "failed",
      attempt: count(attempt),
      step: count(step),
      reason,
      billed: word(billed, "BILLED_"),
      next: word(next, "NEXT_STEP_"),
      provider_message: words(providerMessage),
      usage: usage === undefined ? undefined : present(used(usage, costNanoUsd)),
    },
  ],
  textDelta: said("token"),
  reasoningDelta: said("reasoning"),
  refusalDelta: said("refusal"),
  toolCallStarted: (event) => [
    "tool_call_started",
    { id: event.id, name: event.name, executor: executor(event.executor) },
  ],
  toolCallDelta: ({ id, argumentsDelta }) => ["tool_call_delta", { id, args: words(argumentsDelta) }],
  toolCallFinished: ({ id, name, argumentsJson, argumentsValid, executor: by }) => [
    "tool_call",
    { id, name, args: words(argumentsJson), args_valid: argumentsValid ?? false, executor: executor(by) },
  ],
  toolResult: ({ toolCallId, parts, isError, durationMs, executor: by }) => [
    "tool_result",
    {
      id: toolCallId,
      output: ((parts ?? []) as Fields[]).map(({ text }) => (text as Fields).text).join(""),
      is_error: isError ?? false,
      executor: executor(by),
      duration_ms: durationMs,
    },
  ],
  providerState: ({ step, part, state }) => ["state", { step: count(step), part: count(part), ...(state as Fields) }],
  usage: ({ usage, costNanoUsd, final }) => ["usage", { ...used(usage, costNanoUsd), final: final ?? false }],
  warning: ({ code, text, field }) => ["warning", { code, text: words(text), field: words(field) }],
  citation: as("citation"),
  budget: as("budget"),
  image: as("image"),
  audio: as("audio"),
  logprobs: as("logprobs"),
  finished: ({ reason, providerReason, usage, costNanoUsd, candidate, attempts, providerMessage }) => [
    "done",
    {
      reason: word(reason, "FINISH_REASON_"),
      provider_reason: words(providerReason),
      usage: present(used(usage, costNanoUsd)),
      provider: (candidate as Fields).provider,
      model: (candidate as Fields).model,
      attempts: (attempts as readonly JsonValue[]).length,
      provider_message: providerMessage,
    },
  ],
};

function used(usage: JsonValue | undefined, costNanoUsd: JsonValue | undefined): Fields {
  const { inputTotal, outputTotal } = (usage ?? {}) as Fields;
  const digits = typeof costNanoUsd === "string" ? costNanoUsd.padStart(10, "0") : undefined;
  const cost = digits?.replace(/(\d{9})$/, ".$1").replace(/\.?0+$/, "");
  return { input_tokens: inputTotal, output_tokens: outputTotal, cost_usd: cost };
}

function present(fields: Fields): { [key: string]: JsonValue } {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined),
  );
}

function snake(value: JsonValue | Fields): JsonValue {
  if (Array.isArray(value)) return value.map(snake);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      snake(member ?? null),
    ]),
  );
}
