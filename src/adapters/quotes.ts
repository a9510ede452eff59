import type { ChatRequest } from "../gen/execution/v1/chat_pb.js";

/** In place of what is quoted of the messages. */
const PROMPT = "[prompt]";

/** Characters in a row that are no coincidence. */
const MIN_RUN = 32;

/** Every run of 31 characters and more has a whole block of 16 in it, wherever the blocks begin. */
const BLOCK = 16;

/** A short message is looked for as a whole, unless it is a word or two that anybody may say. */
const MIN_WHOLE = 12;

/** Only texts that repeat themselves all along take more; they are then hidden as a whole. */
const MAX_COMPARISONS = 10_000_000;

/**
 * Replaces what a text quotes of the request's messages, the operator's system prompt among them: 32 characters in a row, or a shorter message of 12
 * and more as a whole. The time it takes grows with the messages, and with the text, which should be short.
 */
export function maskQuotes(text: string, { messages }: Pick<ChatRequest, "messages">): string {
  // Nothing that is hidden is as short as a reason to finish, which every answer has.
  if (text.length < MIN_WHOLE) return text;
  const search = createSearch(text);
  for (const message of textsOf(messages)) {
    if (message.length < MIN_RUN) search.whole(message.trim());
    else search.runs(message);
  }
  return search.masked();
}

/** All texts in a value, in whatever depth. */
function* textsOf(value: unknown): Generator<string> {
  if (typeof value === "string") yield value;
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  for (const member of Object.values(value)) yield* textsOf(member);
}

/** Looks for messages in one text. */
interface Search {
  /** Marks a message that stands in the text as a whole. */
  whole(message: string): void;
  /** Marks what is in the text of a message. */
  runs(message: string): void;
  /** The text without what was marked. */
  masked(): string;
}

function createSearch(text: string): Search {
  const quoted = new Uint8Array(text.length);
  const placesOf = blocksOf(text);
  let comparisons = 0;

  const markRun = (message: string, from: number, at: number): void => {
    let before = 0;
    while (at > before && from > before && text[at - before - 1] === message[from - before - 1]) before += 1;
    let after = BLOCK;
    while (at + after < text.length && text[at + after] === message[from + after]) after += 1;
    if (before + after >= MIN_RUN) quoted.fill(1, at - before, at + after);
    comparisons += before + after;
  };

  return {
    whole: (message) => {
      if (message.length < MIN_WHOLE) return;
      for (let at = text.indexOf(message); at >= 0; at = text.indexOf(message, at + message.length)) {
        quoted.fill(1, at, at + message.length);
      }
    },
    runs: (message) => {
      for (let from = 0; from + BLOCK <= message.length; from += BLOCK) {
        if (comparisons > MAX_COMPARISONS) break;
        for (const at of placesOf.get(message.slice(from, from + BLOCK)) ?? []) markRun(message, from, at);
      }
    },
    masked: () => (comparisons > MAX_COMPARISONS ? PROMPT : withoutMarked(text, quoted)),
  };
}

/** Where each run of BLOCK characters stands in a text. */
function blocksOf(text: string): ReadonlyMap<string, readonly number[]> {
  const placesOf = new Map<string, number[]>();
  for (let at = 0; at + BLOCK <= text.length; at += 1) {
    const block = text.slice(at, at + BLOCK);
    const places = placesOf.get(block);
    if (places === undefined) placesOf.set(block, [at]);
    else places.push(at);
  }
  return placesOf;
}

function withoutMarked(text: string, quoted: Uint8Array): string {
  let shown = "";
  for (let at = 0; at < text.length; at += 1) {
    if (quoted[at] !== 1) shown += text[at];
    else if (quoted[at - 1] !== 1) shown += PROMPT;
  }
  return shown;
}
