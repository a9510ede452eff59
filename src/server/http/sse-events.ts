import { type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";
import { formatUsd } from "../../contract/money.ts";
import {
  AudioEventSchema,
  BudgetEventSchema,
  type ChatResponse,
  ChatResponseSchema,
  CitationEventSchema,
  type Finished,
  FinishReason,
  ImageEventSchema,
  LogprobsEventSchema,
  NextStep,
  type ToolResult,
} from "../../gen/execution/v1/chat_pb.js";
import { Executor, PartSchema } from "../../gen/execution/v1/content_pb.js";
import { Billed, type Usage } from "../../gen/execution/v1/usage_pb.js";
import type { ErrorObject } from "./problem.ts";

/** Writes the events of one stream as SSE text. */
export interface SseEncoder {
  /** Text of one event, with its empty line. */
  event(response: ChatResponse): string;
  /** Text of the error that ends the stream. It has no number and so no id. */
  error(error: ErrorObject): string;
}

type ShortEvent = readonly [name: string, data: unknown];

/** One SSE event a ChatResponse as canonical ProtoJSON, without an event name. The stream's id is that of its `started`, if it is not known. */
export function createProtoEncoder(streamId = ""): SseEncoder {
  return encoder(streamId, (response) => ["", toJson(ChatResponseSchema, response)]);
}

/**
 * The short form: `token {text}`, `reasoning {text}`, `refusal {text}`, `tool_call_started {id, name, executor}`, `tool_call_delta {id, args}`,
 * `tool_call {id, name, args, args_valid, executor}`, `tool_result {id, output, is_error}`, `usage {input_tokens, output_tokens, cost_usd,
 * final}`, `warning {code, text, field}`, `started {stream_id, resume_token, request_id, persona}`, `attempt {state: started | failed, ...}`,
 * `state`, `citation`, `budget`, `image`, `audio`, `logprobs` (as in the contract, in snake case), `done {reason, usage, provider, model}`.
 *
 * `args` is text, as the model wrote it: the deltas concatenate to it. What is not known is absent. `cost_usd` is a decimal string.
 */
export function createShortEncoder(streamId = ""): SseEncoder {
  /** Ids of tool calls by step and part: the contract's deltas name the part, the short form's the call. */
  const callIds = new Map<string, string>();
  return encoder(streamId, (response) => shortEvent(response, callIds));
}

function encoder(knownId: string, encode: (response: ChatResponse) => ShortEvent): SseEncoder {
  let streamId = knownId;
  return {
    event: (response) => {
      if (response.event.case === "started") streamId = response.event.value.streamId;
      const [name, data] = encode(response);
      const type = name === "" ? "" : `event: ${name}\n`;
      return `id: ${streamId}:${response.sequence}\n${type}data: ${JSON.stringify(data)}\n\n`;
    },
    error: (error) => `event: error\ndata: ${JSON.stringify(error)}\n\n`,
  };
}

function shortEvent({ event }: ChatResponse, callIds: Map<string, string>): ShortEvent {
  switch (event.case) {
    case "textDelta":
      return ["token", { text: event.value.text }];
    case "reasoningDelta":
      return ["reasoning", { text: event.value.text }];
    case "refusalDelta":
      return ["refusal", { text: event.value.text }];
    case "toolCallStarted": {
      const { id, name, executor, step, part } = event.value;
      callIds.set(`${step}/${part}`, id);
      return ["tool_call_started", { id, name, executor: Executor[executor] }];
    }
    case "toolCallDelta": {
      const { step, part, argumentsDelta } = event.value;
      return ["tool_call_delta", { id: callIds.get(`${step}/${part}`), args: argumentsDelta }];
    }
    case "toolCallFinished": {
      const { id, name, argumentsJson, argumentsValid, executor } = event.value;
      return ["tool_call", { id, name, args: argumentsJson, args_valid: argumentsValid, executor: Executor[executor] }];
    }
    case "toolResult":
      return ["tool_result", toolResult(event.value)];
    case "usage":
      return ["usage", { ...usage(event.value.usage, event.value.costNanoUsd), final: event.value.final }];
    case "warning":
      return ["warning", { code: event.value.code, text: event.value.text, field: event.value.field }];
    case "finished":
      return ["done", done(event.value)];
    default:
      return rareEvent({ event });
  }
}

/** Events there are only a few of in a stream, or none. */
function rareEvent({ event }: Pick<ChatResponse, "event">): ShortEvent {
  switch (event.case) {
    case "started": {
      const { streamId, resumeToken, requestId, persona } = event.value;
      return ["started", { stream_id: streamId, resume_token: resumeToken, request_id: requestId, persona }];
    }
    case "attemptStarted": {
      const { attempt, step, candidate, toolTier, experimentArm } = event.value;
      const { provider, kind, model } = candidate ?? {};
      const arm = experimentArm === "" ? {} : { experiment_arm: experimentArm };
      return ["attempt", { state: "started", attempt, step, provider, kind, model, tool_tier: toolTier, ...arm }];
    }
    case "attemptFailed": {
      const { attempt, step, reason, billed, next, providerMessage, costNanoUsd } = event.value;
      const used = event.value.usage === undefined ? {} : { usage: usage(event.value.usage, costNanoUsd) };
      const facts = { attempt, step, reason, billed: Billed[billed], next: NextStep[next], ...used };
      return ["attempt", { state: "failed", ...facts, provider_message: providerMessage }];
    }
    case "providerState": {
      const { step, part, state } = event.value;
      const data = Buffer.from(state?.data ?? []).toString("base64");
      return ["state", { step, part, owner: state?.owner, kind: state?.kind, data }];
    }
    case "citation":
      return ["citation", snakeJson(CitationEventSchema, event.value)];
    case "budget":
      return ["budget", snakeJson(BudgetEventSchema, event.value)];
    case "image":
      return ["image", snakeJson(ImageEventSchema, event.value)];
    case "audio":
      return ["audio", snakeJson(AudioEventSchema, event.value)];
    case "logprobs":
      return ["logprobs", snakeJson(LogprobsEventSchema, event.value)];
    default:
      return ["unknown", {}];
  }
}

function done({ reason, providerReason, usage: used, costNanoUsd, candidate, attempts, providerMessage }: Finished) {
  return {
    reason: FinishReason[reason],
    provider_reason: providerReason,
    usage: usage(used, costNanoUsd),
    provider: candidate?.provider,
    model: candidate?.model,
    attempts: attempts.length,
    ...(providerMessage === "" ? {} : { provider_message: providerMessage }),
  };
}

/** Text results are their text; a result with other parts has them beside it, as the contract's JSON. */
function toolResult({ toolCallId, parts, isError, durationMs, executor }: ToolResult) {
  const texts = parts.map(({ kind }) => (kind.case === "text" ? kind.value.text : ""));
  const plain = parts.every(({ kind }) => kind.case === "text");
  return {
    id: toolCallId,
    output: texts.join(""),
    is_error: isError,
    executor: Executor[executor],
    ...(durationMs === undefined ? {} : { duration_ms: durationMs }),
    ...(plain ? {} : { parts: parts.map((part) => snakeJson(PartSchema, part)) }),
  };
}

function usage(used: Usage | undefined, costNanoUsd: bigint | undefined) {
  return {
    input_tokens: used?.inputTotal,
    output_tokens: used?.outputTotal,
    cost_usd: costNanoUsd === undefined ? undefined : formatUsd(costNanoUsd),
  };
}

function snakeJson<Schema extends DescMessage>(schema: Schema, message: MessageShape<Schema>) {
  return toJson(schema, message, { useProtoFieldName: true });
}
