import { createFold } from "../contract/fold.ts";
import { type ChatResponse, FinishReason, type Warning } from "../gen/execution/v1/chat_pb.js";
import { Executor, type Message, MessageRole, type ToolCallPart } from "../gen/execution/v1/content_pb.js";
import type { Usage } from "../gen/execution/v1/usage_pb.js";
import { toChatError, truncatedError } from "./chat-error.ts";
import { type OpenRest, type OpenStream, resumed } from "./resumed.ts";

/** A call as one value. */
export interface ChatResult {
  /** The answer as messages (`fold`): append them to the conversation and send it on. */
  readonly messages: Message[];
  /** Text of the last assistant message. */
  readonly text: string;
  /** Tool calls of the last assistant message that wait for the caller's results. */
  readonly toolCalls: ToolCallPart[];
  readonly finishReason: FinishReason;
  /** What all attempts used together; absent if not known. */
  readonly usage: Usage | undefined;
  /** What they cost together; absent if unpriced. */
  readonly costNanoUsd: bigint | undefined;
  /** Provider instance and model that served the call. */
  readonly provider: string;
  readonly model: string;
  readonly warnings: Warning[];
  readonly streamId: string;
}

/**
 * A running call. The request is sent when it is read, which can be done once: by iterating, where leaving the loop cancels the call, or by
 * `collect`. Both throw a ChatError if the call fails.
 */
export interface ChatStream extends AsyncIterable<ChatResponse> {
  /** Reads the call to its end and gives it back as one value. */
  collect(): Promise<ChatResult>;
}

/** How a stream is read. */
export interface StreamOptions {
  /** The caller's own signal. */
  readonly signal: AbortSignal | undefined;
  /** Says whether the caller has ended the call. */
  readonly left: () => boolean;
  /** Where the stream goes on if it is lost on the way. Absent: nowhere. */
  readonly openRest?: OpenRest;
  /** Ends the call whose reader leaves, where it would go on without one. Never rejects. */
  readonly giveUp?: (streamId: string) => Promise<void>;
}

/** Wraps an event stream. Its request leaves when the first event is asked for. */
export function createChatStream(open: OpenStream, options: StreamOptions): ChatStream {
  let read = false;
  const iterate = (): AsyncGenerator<ChatResponse> => {
    if (read) throw new Error("a chat stream can be read once; call chat again");
    read = true;
    return events(open, options);
  };
  return { [Symbol.asyncIterator]: iterate, collect: async () => collect(iterate()) };
}

async function* events(open: OpenStream, options: StreamOptions): AsyncGenerator<ChatResponse> {
  const { signal, left, openRest, giveUp } = options;
  const controller = new AbortController();
  const either = signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]);
  let begun = false;
  let finished = false;
  let ended = false;
  let streamId = "";
  try {
    const stream = openRest === undefined ? open(either) : resumed(open, openRest, either, left);
    for await (const response of stream) {
      begun = true;
      if (response.event.case === "started") streamId = response.event.value.streamId;
      finished = response.event.case === "finished";
      yield response;
    }
    ended = true;
    if (!finished) throw truncatedError();
  } catch (thrown) {
    ended = true;
    throw toChatError(thrown, { begun, left: left() });
  } finally {
    // The reader left the loop.
    if (!ended) controller.abort();
    if ((!ended || left()) && streamId !== "" && !finished) await giveUp?.(streamId);
  }
}

async function collect(stream: AsyncIterable<ChatResponse>): Promise<ChatResult> {
  const fold = createFold();
  const warnings: Warning[] = [];
  const result = { finishReason: FinishReason.UNSPECIFIED, provider: "", model: "", streamId: "" };
  let usage: Usage | undefined;
  let costNanoUsd: bigint | undefined;
  for await (const response of stream) {
    fold.add(response);
    const { event } = response;
    if (event.case === "started") result.streamId = event.value.streamId;
    else if (event.case === "warning") warnings.push(event.value);
    else if (event.case === "finished") {
      ({ usage, costNanoUsd } = event.value);
      result.finishReason = event.value.reason;
      result.provider = event.value.candidate?.provider ?? "";
      result.model = event.value.candidate?.model ?? "";
    }
  }
  const messages = fold.messages();
  const { parts = [] } = messages.findLast(({ role }) => role === MessageRole.ASSISTANT) ?? {};
  const text = parts.map(({ kind }) => (kind.case === "text" ? kind.value.text : "")).join("");
  const toolCalls = parts
    .flatMap(({ kind }) => (kind.case === "toolCall" ? [kind.value] : []))
    .filter(({ executor }) => executor === Executor.CALLER);
  return { ...result, messages, text, toolCalls, usage, costNanoUsd, warnings };
}
