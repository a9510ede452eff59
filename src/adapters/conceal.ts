import type { ChatEvent } from "../contract/events.ts";
import { ExecutionError } from "../errors.ts";
import type { ChatRequest } from "../gen/execution/v1/chat_pb.js";
import type { ProviderSettings } from "./adapter.ts";
import { cutToBytes, redact } from "./provider-error.ts";
import { maskQuotes } from "./quotes.ts";
import { createSecretMask } from "./secret-mask.ts";

/** Most bytes of a provider's words that are passed on. */
const maxBytes = 512;

/** Takes out of a text what must not leave. */
export interface Conceal {
  /**
   * A provider's words without the instance's secrets, without what looks like a key, and without what they quote of the request's messages; at
   * most 512 bytes.
   */
  words(text: string): string;
  /** A text of ours in which a piece of the answer may stand, without the instance's secrets. */
  message(text: string): string;
}

/** Creates what conceals the words of an instance about a request. What the instance itself has to hide is prepared once. */
export function createConceal(
  settings: Pick<ProviderSettings, "apiKey" | "headers">,
): (request: ChatRequest) => Conceal {
  const maskSecrets = createSecretMask(settings);
  return (request) => ({
    message: maskSecrets,
    words: (text) => {
      // Secrets first, while they are whole; then no more than can be of what is left in the end, so that it takes little time.
      const masked = redact(maskSecrets(text.trim())).slice(0, 2 * maxBytes);
      return cutToBytes(maskQuotes(masked, request).toWellFormed(), maxBytes).trimEnd();
    },
  });
}

/** The error as it may be told: a provider's words in it are concealed. */
export function concealError(error: ExecutionError, conceal: Conceal): ExecutionError {
  if (error.origin !== "provider") return error;
  const { providerWords, providerMessage: _, ...extras } = error.extras;
  const providerMessage = providerWords === undefined ? "" : conceal.words(providerWords);
  return new ExecutionError(error.reason, conceal.message(error.message), {
    ...extras,
    ...(providerMessage !== "" && { providerMessage }),
  });
}

/** Conceals the words in `finished`, which is the last of an answer's events. */
export function concealEnd(events: readonly ChatEvent[], conceal: Conceal): void {
  const last = events.at(-1)?.event;
  if (last?.case !== "finished") return;
  last.value.providerReason = conceal.words(last.value.providerReason);
  last.value.providerMessage = conceal.words(last.value.providerMessage);
}
