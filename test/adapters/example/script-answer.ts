import type { EventStep, Script, ScriptedUsage } from "../../../src/adapters/mock/script.ts";
import type { Reason } from "../../../src/errors.ts";
import type { Delivery, Exchange, JsonValue } from "../../emulators/exchange.ts";
import type { Wire } from "../shared/wire.ts";

/** How the emulator refuses for a reason: status and `kind` of the error. */
const REFUSALS = {
  PROVIDER_REJECTED: [400, "nonsense"],
  CONTEXT_TOO_LONG: [400, "too_long"],
  CONTENT_BLOCKED: [400, "rude"],
  PROVIDER_AUTH: [401, "stranger"],
  PROVIDER_MODEL_GONE: [404, "flown"],
  PROVIDER_RATE_LIMITED: [429, "busy"],
  PROVIDER_UNAVAILABLE: [503, "asleep"],
  PROVIDER_INTERNAL: [500, ""],
} as const satisfies Partial<Record<Reason, readonly [number, string]>>;

const FINISH_WORDS: Readonly<Record<string, string>> = { STOP: "done", LENGTH: "breath", OTHER: "bored" };

/** What a parrot can say. Within a stream an error has no status, so that only those with a word of their own are told apart. */
export const parrotWire: Wire = {
  steps: new Set(["text"]),
  onePartEach: true,
  usageBuckets: ["input_total", "output_total"],
  provisionalUsage: true,
  finishReasons: ["STOP", "LENGTH", "OTHER"],
  omitsIds: false,
  freeForm: false,
  delays: false,
  errorsBefore: [...reasons(), "PROVIDER_NETWORK"],
  errorsAfter: reasons().filter((reason) => REFUSALS[reason][1] !== ""),
  retryAfter: ["PROVIDER_RATE_LIMITED", "PROVIDER_UNAVAILABLE"],
};

function reasons(): (keyof typeof REFUSALS)[] {
  return Object.keys(REFUSALS) as (keyof typeof REFUSALS)[];
}

/** Whether a script plays to its end. */
export function isWhole(script: Script): boolean {
  return !script.some((step) => "truncate" in step || "stall" in step || "error" in step);
}

/** A script that plays to its end as one document. */
export function scriptedDocument(script: Script): Exchange {
  const texts = script.flatMap((step) => ("text" in step ? [step.text.join("").repeat(step.repeat ?? 1)] : []));
  const usage = script.flatMap((step) => ("usage" in step ? [countOf(step.usage)] : [])).at(-1);
  const document = { say: texts.join(""), ...(usage !== undefined && { count: usage }), why: byeWord(script) };
  return { headers: { "content-type": "application/json" }, body: Buffer.from(JSON.stringify(document)) };
}

function byeWord(script: Script): string {
  const reason = script.flatMap((step) => ("finish" in step ? [step.finish.reason] : [])).at(-1) ?? "STOP";
  return FINISH_WORDS[reason] ?? "bored";
}

/** The answer to a request that is to play a script. What the wire has no words for throws. */
export function scriptedExchange(script: Script, delivery: Delivery): Exchange {
  const [first] = script;
  if (first !== undefined && "error" in first) return refusalOf(first.error.reason, first.error.retry_after_ms);
  const events = script.flatMap(eventsOf);
  if (isWhole(script)) events.push(event("bye", { why: byeWord(script) }));
  return {
    headers: { "content-type": "text/event-stream" },
    body: Buffer.from(events.join("")),
    delivery: brokenDelivery(script, events.length) ?? delivery,
  };
}

/** How a script that does not end well is delivered: broken off, by a clean end or not, or left standing. */
function brokenDelivery(script: Script, events: number): Delivery | undefined {
  if (script.some((step) => "stall" in step)) return { kind: "stall-after-events", events };
  if (!script.some((step) => "truncate" in step)) return undefined;
  return events % 2 === 0 ? { kind: "cut-after-events", events, clean: true } : { kind: "cut-after-events", events };
}

function eventsOf(step: Script[number]): string[] {
  if ("text" in step) return sayings(step);
  if ("usage" in step) return [event("count", countOf(step.usage))];
  if ("error" in step) return [event("ouch", errorOf(step.error.reason))];
  if ("finish" in step || "no_usage" in step || "truncate" in step || "stall" in step) return [];
  throw new Error(`a parrot has no word for ${Object.keys(step).join()}`);
}

/** Long answers are padded, so that they are more than the buffers of a connection. */
function sayings({ text, repeat = 1, per_read: together = 1 }: Extract<EventStep, { text: unknown }>): string[] {
  const padding = repeat < 1000 ? {} : { feathers: "x".repeat(2000) };
  const texts = together === 1 ? text : [text.join("").repeat(together)];
  const once = texts.map((piece) => event("say", { text: piece, ...padding }));
  return Array.from({ length: repeat / together }, () => once).flat();
}

function countOf({ input_total, output_total }: ScriptedUsage): JsonValue {
  return { heard: input_total ?? 0, said: output_total ?? 0 };
}

function errorOf(reason: Reason): JsonValue {
  return { kind: REFUSALS[reason as keyof typeof REFUSALS][1], words: `scripted ${reason}` };
}

function refusalOf(reason: Reason, retryAfterMs: number | undefined): Exchange {
  if (reason === "PROVIDER_NETWORK") return { delivery: { kind: "drop-before-headers" } };
  const [status] = REFUSALS[reason as keyof typeof REFUSALS];
  const retryAfter: Record<string, string> =
    retryAfterMs === undefined ? {} : { "retry-after": `${retryAfterMs / 1000}` };
  return {
    status,
    headers: { "content-type": "application/json", ...retryAfter },
    body: Buffer.from(JSON.stringify(errorOf(reason))),
  };
}

function event(name: string, data: JsonValue): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
