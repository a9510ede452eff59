import type { CutEnding, Delivery, Exchange } from "./exchange.ts";
import { createRandom, type Random } from "./random.ts";
import { firstEvents, splitEvents, splitRandomly } from "./split.ts";

/** What is left to do for a delivery once its splitting is decided. */
export interface DeliveryPlan {
  /** False: not even the headers are sent. */
  readonly sendsHeaders: boolean;
  /** Written one after the other. */
  readonly pieces: Iterable<Uint8Array>;
  /** Milliseconds between two pieces; each has an event-loop turn of its own in any case. */
  readonly delayMs: number;
  /** True: the body has a content-length; false: it is chunked. */
  readonly knownLength: boolean;
  /** After the last piece: end the body, break the connection by FIN or RST, or stay silent. */
  readonly ending: "end" | "fin" | "reset" | "stall";
}

function* singleBytes(body: Uint8Array): Generator<Uint8Array> {
  for (let offset = 0; offset < body.length; offset += 1) yield body.subarray(offset, offset + 1);
}

function cutEnding(ending: CutEnding): "end" | "fin" | "reset" {
  if (ending.clean === true) return "end";
  return ending.reset === true ? "reset" : "fin";
}

function isEventStream(headers: Exchange["headers"]): boolean {
  return Object.entries(headers ?? {}).some(
    ([name, value]) => name.toLowerCase() === "content-type" && String(value).startsWith("text/event-stream"),
  );
}

function requireCount(value: number, name: string): number {
  if (Number.isInteger(value) && value >= 0) return value;
  throw new RangeError(`${name} must be an integer of at least 0, not ${value}`);
}

/**
 * Decides what is written, in which pieces, and how it ends. `random` seeds random splits that have no seed of their
 * own. A RangeError for a negative or fractional count.
 */
export function planDelivery(exchange: Exchange, random: Random): DeliveryPlan {
  const body = exchange.body ?? new Uint8Array();
  const delivery: Delivery = exchange.delivery ?? { kind: "whole" };
  const base: DeliveryPlan = {
    sendsHeaders: true,
    pieces: [],
    delayMs: 0,
    knownLength: false,
    ending: "end",
  };
  switch (delivery.kind) {
    case "whole":
      return { ...base, pieces: [body], knownLength: !isEventStream(exchange.headers) };
    case "event-per-write":
      return { ...base, pieces: splitEvents(body).map(({ bytes }) => bytes), delayMs: delivery.delayMs ?? 0 };
    case "byte-per-write":
      return { ...base, pieces: singleBytes(body) };
    case "random-splits": {
      const seed = delivery.seed ?? Math.floor(random() * 2 ** 32);
      return { ...base, pieces: splitRandomly(body, createRandom(seed)) };
    }
    case "cut-after-events":
      return {
        ...base,
        pieces: firstEvents(body, requireCount(delivery.events, "events")),
        ending: cutEnding(delivery),
      };
    case "cut-after-bytes":
      return {
        ...base,
        pieces: [body.subarray(0, requireCount(delivery.bytes, "bytes"))],
        ending: cutEnding(delivery),
      };
    case "stall-after-events":
      return { ...base, pieces: firstEvents(body, requireCount(delivery.events, "events")), ending: "stall" };
    case "hold-headers":
      return { ...base, sendsHeaders: false, ending: "stall" };
    case "drop-before-headers":
      return { ...base, sendsHeaders: false, ending: delivery.reset === true ? "reset" : "fin" };
  }
}
