import { type AnswerDecoder, truncated } from "../../../../src/adapters/exchange.ts";
import { asCount, asObject, asText, type JsonObject, tryParse } from "../../../../src/adapters/json.ts";
import { createPieces } from "../../../../src/adapters/pieces.ts";
import { hasGrown, known } from "../../../../src/adapters/usage-buckets.ts";
import { type ChatEvent, chatEvent, textDelta, usageEvent } from "../../../../src/contract/events.ts";
import { unknownUsage } from "../../../../src/contract/usage.ts";
import { ExecutionError } from "../../../../src/errors.ts";
import { FinishReason } from "../../../../src/gen/execution/v1/chat_pb.js";
import { type Usage, UsageSource } from "../../../../src/gen/execution/v1/usage_pb.js";
import { readErrorValue } from "./errors.ts";

/** The wire's words for the end; any other is OTHER. */
const REASONS: ReadonlyMap<string, FinishReason> = new Map([
  ["done", FinishReason.STOP],
  ["breath", FinishReason.LENGTH],
]);

/**
 * Creates the decoder of one answer. A stream has the events `say` ({text}), `count` ({heard, said}, cumulative), `ouch` (an error) and, as its
 * end marker, `bye` ({why}); events with other names are skipped. A whole answer is one document with the same members.
 */
export function createDecoder({ step, attempt }: { readonly step: number; readonly attempt: number }): AnswerDecoder {
  const pieces = createPieces();
  let counted: { readonly usage: Usage; readonly text: string } | undefined;
  let told: Usage | undefined;
  let ended = false;

  const say = (text: string, out: ChatEvent[]): void => {
    if (text !== "") out.push(textDelta({ step, part: 0 }, text));
  };
  const count = (reported: JsonObject, text: string, out: ChatEvent[]): void => {
    const usage = readUsage(reported);
    counted = { usage, text };
    if (!hasGrown(told, usage)) return;
    told = usage;
    out.push(usageEvent(step, attempt, usage, false));
  };
  const finish = (why: string, out: ChatEvent[]): void => {
    say(pieces.rest(), out);
    if (counted !== undefined) {
      out.push(usageEvent(step, attempt, { ...counted.usage, providerUsageJson: counted.text }, true));
    }
    out.push(finished(why));
    ended = true;
  };

  return {
    ended: () => ended,
    event: (data, name, out) => {
      const value = asObject(tryParse(data));
      if (value === undefined) throw unreadable();
      if (name === "say") say(pieces.next(asText(value.text)), out);
      else if (name === "count") count(value, data, out);
      else if (name === "ouch") throw readErrorValue(value);
      else if (name === "bye") finish(asText(value.why), out);
    },
    document: (text, out) => {
      const value = asObject(tryParse(text));
      if (value === undefined) throw unreadable();
      if (value.ouch !== undefined) throw readErrorValue(value.ouch);
      if (typeof value.why !== "string") throw unreadable();
      say(pieces.next(asText(value.say)), out);
      const reported = asObject(value.count);
      if (reported !== undefined) counted = { usage: readUsage(reported), text: JSON.stringify(reported) };
      finish(value.why, out);
    },
    // There is no end but `bye`.
    end: () => {
      throw truncated();
    },
  };
}

/** What was heard and said, in tokens. Neither holds any other bucket, and the wire tells none apart. */
function readUsage({ heard, said }: JsonObject): Usage {
  return {
    ...unknownUsage(),
    ...known({ inputTotal: asCount(heard), outputTotal: asCount(said) }),
    source: UsageSource.PROVIDER,
  };
}

function finished(why: string): ChatEvent {
  return chatEvent({
    case: "finished",
    value: {
      $typeName: "execution.v1.Finished",
      reason: REASONS.get(why) ?? FinishReason.OTHER,
      providerReason: why,
      attempt: 0,
      priceVersion: "",
      attempts: [],
      providerMessage: "",
    },
  });
}

function unreadable(): ExecutionError {
  return new ExecutionError("PROVIDER_PROTOCOL", "the provider sent something that no parrot says");
}
