import { type ChatEvent, chatEvent, usageEvent } from "../../contract/events.ts";
import { ExecutionError } from "../../errors.ts";
import { FinishReason } from "../../gen/execution/v1/chat_pb.js";
import type { Usage } from "../../gen/execution/v1/usage_pb.js";
import { jsonElements, jsonMembers } from "../../json-text.ts";
import { type AnswerDecoder, truncated } from "../exchange.ts";
import { asArray, asCount, asObject, asText, type JsonObject, tryParse } from "../json.ts";
import { hasGrown, isWorthTelling } from "../usage-buckets.ts";
import { createContent } from "./content.ts";
import { readErrorValue } from "./errors.ts";
import { createReportedUsage } from "./reported-usage.ts";
import { readUsage } from "./usage.ts";

/** What an answer is decoded for. */
export interface DecoderContext {
  readonly step: number;
  readonly attempt: number;
  /** A fresh id for a tool call whose provider gives none. */
  readonly newId: () => string;
}

/** The API's words for why a model stopped; any other is OTHER. After `compaction` the message goes back to be continued, as after `pause_turn`. */
const REASONS: Readonly<Record<string, FinishReason>> = {
  end_turn: FinishReason.STOP,
  stop_sequence: FinishReason.STOP_SEQUENCE,
  max_tokens: FinishReason.LENGTH,
  model_context_window_exceeded: FinishReason.LENGTH,
  tool_use: FinishReason.TOOL_CALLS,
  pause_turn: FinishReason.PAUSED,
  compaction: FinishReason.PAUSED,
  refusal: FinishReason.REFUSAL,
};

/**
 * Creates the decoder of one answer of the Messages API (platform.claude.com/docs/en/build-with-claude/streaming), streamed or whole: a whole
 * message and the one of `message_start` are read alike. Each content block is one part, see `openBlock`. Usage is cumulative: what
 * `message_start` and `message_delta` say is provisional until the end, told once a read if it has grown. The end marker is `message_stop`; without a stop_reason before it the
 * answer is truncated. An `error` event is a failure; `ping` and events nobody knows are skipped.
 */
export function createDecoder({ step, attempt, newId }: DecoderContext): AnswerDecoder {
  const content = createContent(step, newId);
  const reported = createReportedUsage();
  let stop: JsonObject = {};
  let container: string | undefined;
  let usages = 0;
  let told: Usage | undefined;
  let ended = false;

  const addUsage = (text: string | undefined): void => {
    if (text?.startsWith("{") !== true) return;
    reported.add(text);
    usages += 1;
  };

  const tellUsage = (out: ChatEvent[]): void => {
    const object = reported.object();
    if (object === undefined) return;
    const usage = readUsage(object);
    if (!hasGrown(told, usage)) return;
    told = usage;
    out.push(usageEvent(step, attempt, usage, false));
  };

  const tellUsageIfWorth = (out: ChatEvent[]): void => {
    if (isWorthTelling(usages)) tellUsage(out);
  };

  const finalUsage = (out: ChatEvent[]): void => {
    const providerUsageJson = reported.text();
    if (providerUsageJson === undefined) return;
    out.push(usageEvent(step, attempt, { ...readUsage(reported.object() ?? {}), providerUsageJson }, true));
  };

  /** Takes what a message says of its end; the object of `message_delta` has the same members as a whole message. */
  const addStop = (said: JsonObject | undefined, written: Written): void => {
    if (typeof said?.stop_reason === "string") stop = said;
    if (asObject(said?.container) !== undefined) container = written("container");
  };

  /** Takes a message: a whole one, or that of `message_start`, whose content is empty but for calls that were waiting. */
  const addMessage = (message: JsonObject | undefined, text: string, out: ChatEvent[]): void => {
    if (message === undefined) return;
    const written = membersOf(text);
    const blocks = asArray(message.content);
    const texts = blocks.length === 0 ? [] : jsonElements(written("content") ?? "[]");
    for (const [index, block] of blocks.entries()) {
      content.open(index, block, texts[index] ?? "{}", out);
      content.close(index, out);
    }
    addStop(message, written);
    addUsage(written("usage"));
  };

  const complete = (out: ChatEvent[]): void => {
    content.finish(container, out);
    finalUsage(out);
    out.push(finished(stop));
    ended = true;
  };

  const read = (event: JsonObject, type: string, data: string, out: ChatEvent[]): void => {
    const written = membersOf(data);
    const index = asCount(event.index) ?? 0;
    switch (type) {
      case "message_start":
        addMessage(asObject(event.message), written("message") ?? "{}", out);
        return tellUsageIfWorth(out);
      case "content_block_start":
        return content.open(index, event.content_block, written("content_block") ?? "{}", out);
      case "content_block_delta":
        return content.add(index, event.delta, () => written("delta") ?? "{}", out);
      case "content_block_stop":
        return content.close(index, out);
      case "message_delta":
        addStop(
          asObject(event.delta),
          membersOf(() => written("delta") ?? "{}"),
        );
        addUsage(written("usage"));
        return tellUsageIfWorth(out);
      case "message_stop":
        if (stop.stop_reason === undefined) throw truncated();
        return complete(out);
      default:
    }
  };

  return {
    ended: () => ended,
    event: (data, name, out) => {
      const event = asObject(tryParse(data));
      const type = asText(event?.type) || name;
      if (type === "error" || (type === "" && event?.error !== undefined)) throw readErrorValue(event ?? data);
      if (event === undefined) throw unreadable();
      read(event, type, data, out);
    },
    document: (text, out) => {
      const document = asObject(tryParse(text));
      if (document === undefined) throw unreadable();
      if (document.type === "error" || asObject(document.error) !== undefined) throw readErrorValue(document);
      if (!Array.isArray(document.content)) throw unreadable();
      addMessage(document, text, out);
      complete(out);
    },
    end: () => {
      throw truncated();
    },
    failed: tellUsage,
  };
}

/** Gives a member of a JSON object as it was written; undefined where there is none. */
type Written = (name: string) => string | undefined;

/** The members of a JSON object, which is read once, when one is first asked for: few events need it. */
function membersOf(text: string | (() => string)): Written {
  let members: ReadonlyMap<string, string> | undefined;
  return (name) => {
    members ??= jsonMembers(typeof text === "string" ? text : text());
    return members.get(name);
  };
}

function unreadable(): ExecutionError {
  return new ExecutionError("PROVIDER_PROTOCOL", "the provider sent something that is not of the Messages API");
}

function finished(stop: JsonObject): ChatEvent {
  const providerReason = asText(stop.stop_reason).toWellFormed();
  const details = asObject(stop.stop_details) ?? {};
  const words = [details.category, details.explanation].map(asText).filter((word) => word !== "");
  return chatEvent({
    case: "finished",
    value: {
      $typeName: "execution.v1.Finished",
      // Every object has a `constructor`.
      reason: Object.hasOwn(REASONS, providerReason)
        ? (REASONS[providerReason] ?? FinishReason.OTHER)
        : FinishReason.OTHER,
      providerReason,
      attempt: 0,
      priceVersion: "",
      attempts: [],
      providerMessage: words.join(": "),
    },
  });
}
