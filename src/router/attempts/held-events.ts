import { type ChatEvent, isContent } from "../../contract/events.ts";

/** More events than any provider sends before its content; who sends more has begun to answer. */
const MAX_HELD = 1_000;

/**
 * Keeps back what an attempt says before its first content and what belongs to its answer: provider state, results, log probabilities. Should the
 * attempt fail, another one answers, and its answer must not begin with pieces of this one.
 */
export interface HeldEvents {
  /** What of these events may be handed on, with what was held before them if the answer begins here. */
  pass(events: readonly ChatEvent[]): readonly ChatEvent[];
}

/** Creates the hold of one attempt. `isNews` says whether a warning was not told before. */
export function createHeldEvents(isNews: (warning: ChatEvent) => boolean): HeldEvents {
  let held: ChatEvent[] = [];
  let isOpen = false;
  return {
    pass: (events) => {
      if (isOpen) return events;
      isOpen =
        events.some(isContent) || events.at(-1)?.event.case === "finished" || held.length + events.length > MAX_HELD;
      const told: ChatEvent[] = isOpen ? held : [];
      for (const event of events) {
        const { case: kind } = event.event;
        if (kind === "warning" && !isNews(event)) continue;
        if (isOpen || kind === "warning" || kind === "usage") told.push(event);
        else held.push(event);
      }
      if (isOpen) held = [];
      return told;
    },
  };
}

/** Says of each warning whether it is new to the caller. */
export function createNews(): (warning: ChatEvent) => boolean {
  const told = new Set<string>();
  return ({ event }) => {
    if (event.case !== "warning") return true;
    const { code, field, text } = event.value;
    const key = JSON.stringify([code, field, text]);
    if (told.has(key)) return false;
    told.add(key);
    return true;
  };
}
