import type { ChatEvent } from "../contract/events.ts";
import { unknownUsage } from "../contract/usage.ts";
import type { ChatRequest } from "../gen/execution/v1/chat_pb.js";
import { type Usage, UsageSource } from "../gen/execution/v1/usage_pb.js";
import { sizeInput } from "../ledger/prices/input-size.ts";

/** What an attempt has streamed since its provider last said how much that is. */
export interface StreamedOutput {
  /** Takes an event. Runs for every delta, and so only counts. */
  see(event: ChatEvent): void;
  /** About how many tokens of text came since then. */
  tokens(): number;
  /**
   * The usage of an attempt that ended before its answer did, after what its provider said last. Its output is at least that, and what was
   * streamed after it at four bytes a token; it is marked as an estimate, which is too low by what was never shown: reasoning that is hidden,
   * and what the provider made before it noticed. With sound or pictures, whose tokens nobody can guess, the output is not known. A usage that
   * was final stays as it is. Where the provider has said nothing, its input is what the request is expected to have; nothing is known while
   * nothing of the answer came either.
   */
  estimate(usage: Usage | undefined): Usage | undefined;
  /**
   * As many tokens as there can be of what was streamed: what the provider said last, and after it one a delta, or one for two bytes if that is more.
   * English has 4 bytes a token, code 3, scripts of other languages 2 to 4; what has fewer comes token by token from the servers that have such models.
   */
  tokensAtMost(): number;
}

/** English prose has about 4 bytes a token with the tokenizers of all large vendors; code and other languages have fewer. */
const bytesPerToken = 4;
const fewestBytesPerToken = 2;

const maxTokens = 0xffffffff;

/** Creates the count of an attempt at a request that has streamed nothing. */
export function createStreamedOutput(request: ChatRequest): StreamedOutput {
  let bytes = 0;
  let deltas = 0;
  let reported = 0;
  let hasMedia = false;
  let isFinal = false;
  let input: number | undefined;
  const expectedInput = (): Usage | undefined => {
    if (deltas === 0 && !hasMedia) return undefined;
    input ??= sizeInput(request).expected;
    return { ...unknownUsage(), inputTotal: input };
  };
  return {
    see: ({ event }) => {
      switch (event.case) {
        case "textDelta":
        case "reasoningDelta":
        case "refusalDelta":
          bytes += sizeOf(event.value.text);
          deltas += 1;
          return;
        case "toolCallDelta":
          bytes += sizeOf(event.value.argumentsDelta);
          deltas += 1;
          return;
        case "image":
        case "audio":
          hasMedia = true;
          return;
        case "usage":
          isFinal ||= event.value.final;
          if (event.value.usage?.outputTotal === undefined) return;
          reported = event.value.usage.outputTotal;
          bytes = 0;
          deltas = 0;
          hasMedia = false;
          return;
        default:
      }
    },
    tokens: () => bytes / bytesPerToken,
    tokensAtMost: () => reported + Math.max(deltas, Math.ceil(bytes / fewestBytesPerToken)),
    estimate: (told) => {
      if (isFinal) return told;
      const usage = told ?? expectedInput();
      if (usage === undefined) return undefined;
      // The provider's own cost is one of something that was not over, and says nothing of the whole.
      const { outputTotal = 0, outputText, providerCostNanoUsd: _cost, ...rest } = usage;
      const isWhole = bytes === 0 && outputText !== undefined;
      const total = Math.min(maxTokens, outputTotal + Math.ceil(bytes / bytesPerToken));
      return {
        ...rest,
        ...(hasMedia ? {} : { outputTotal: total }),
        ...(isWhole ? { outputText } : {}),
        source: UsageSource.ESTIMATED,
      };
    },
  };
}

/** About how many bytes a text has in UTF-8: as many a unit as its last one. Counting them takes ten times as long. */
function sizeOf(text: string): number {
  const last = text.charCodeAt(text.length - 1);
  if (!(last > 0x7f)) return text.length;
  const isWide = last > 0x7ff && (last < 0xd800 || last > 0xdfff);
  return text.length * (isWide ? 3 : 2);
}
