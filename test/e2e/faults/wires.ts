import { create } from "@bufbuild/protobuf";
import type { ModelSettings } from "../../../src/adapters/adapter.ts";
import type { Script } from "../../../src/adapters/mock/script.ts";
import type { Reason } from "../../../src/errors.ts";
import { Capability, CapabilitySupportSchema, Support } from "../../../src/gen/execution/v1/capabilities_pb.js";
import { scriptedExchange as anthropicExchange } from "../../adapters/anthropic/script-answer.ts";
import { scriptedExchange as geminiExchange } from "../../adapters/gemini/script-answer.ts";
import { scriptedExchange as openaiExchange } from "../../adapters/openai/script-answer.ts";
import type { Delivery, Exchange } from "../../emulators/exchange.ts";

/** One provider's wire, as its emulator speaks it. */
export interface FaultWire {
  readonly kind: "openai" | "anthropic" | "gemini";
  /** Path of the API below the emulator. */
  readonly path: string;
  /** The answer that plays a script. */
  readonly play: (script: Script, delivery?: Delivery) => Exchange;
  /** A refusal of a request that its policy blocks; undefined where a block is an answer of its own. */
  readonly blocked: Exchange | undefined;
  /** A model that goes on with what an assistant has begun to say; undefined where the wire has no place for that. */
  readonly continuing: ModelSettings | undefined;
  /** What the wire calls a failure in the middle of an answer that it has a word for. */
  readonly inBand: Reason;
  /** How many events it takes to say a usage that a script begins with. */
  readonly usageEvents: number;
  /** A piece of a stream that is none of this wire's. */
  readonly malformed: string;
}

const whole: Delivery = { kind: "event-per-write" };
const malformed = 'data: {"choices": [{"delta": nonsense}\n\n';

const continuing = (id: string, quirks: ModelSettings["quirks"]): ModelSettings => ({
  id,
  capabilities: [create(CapabilitySupportSchema, { capability: Capability.ASSISTANT_PREFIX, support: Support.NATIVE })],
  quirks,
});

/** Chat completions, for what is the same on every wire. */
export const openai: FaultWire = {
  kind: "openai",
  path: "/v1",
  play: (script, delivery = whole) => openaiExchange(script, delivery),
  blocked: openaiExchange([{ error: { reason: "CONTENT_BLOCKED" } }], whole),
  continuing: continuing("m", { prefix_field: "prefix" }),
  usageEvents: 1,
  inBand: "PROVIDER_OVERLOADED",
  malformed,
};

const anthropic: FaultWire = {
  kind: "anthropic",
  path: "",
  play: (script, delivery = whole) => anthropicExchange(script, delivery),
  blocked: anthropicExchange([{ error: { reason: "CONTENT_BLOCKED" } }], whole),
  continuing: continuing("claude-haiku-4-5", {}),
  usageEvents: 3,
  inBand: "PROVIDER_OVERLOADED",
  malformed: `event: content_block_delta\n${malformed}`,
};

const gemini: FaultWire = {
  kind: "gemini",
  path: "/v1beta",
  play: (script, delivery = whole) => geminiExchange(script, "events", delivery),
  blocked: undefined,
  continuing: undefined,
  usageEvents: 1,
  inBand: "PROVIDER_UNAVAILABLE",
  malformed,
};

/** Every wire that the faults are shown on. */
export const FAULT_WIRES: readonly FaultWire[] = [openai, anthropic, gemini];

/** An answer with other bytes behind the first of its events. */
export function withBytes(exchange: Exchange, events: number, bytes: string): Exchange {
  const text = Buffer.from(exchange.body ?? []).toString("utf8");
  const kept = text.split(/(?<=\r?\n\r?\n)/).slice(0, events);
  return { ...exchange, body: Buffer.from(`${kept.join("")}${bytes}`) };
}

/** How many events an answer has. */
export function eventsOf({ body }: Exchange): number {
  return Buffer.from(body ?? [])
    .toString("utf8")
    .split(/(?<=\r?\n\r?\n)/).length;
}
