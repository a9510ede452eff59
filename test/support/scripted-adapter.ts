import { create } from "@bufbuild/protobuf";
import type { Adapter, AttemptInput, ProviderSettings } from "../../src/adapters/adapter.ts";
import { type ChatEvent, chatEvent, textDelta, usageEvent } from "../../src/contract/events.ts";
import { unknownUsage } from "../../src/contract/usage.ts";
import { type Capability, ModelCapabilitiesSchema, type Support } from "../../src/gen/execution/v1/capabilities_pb.js";
import { FinishReason } from "../../src/gen/execution/v1/chat_pb.js";

/** What a scripted adapter does with a call. */
export type Play = (input: AttemptInput) => AsyncIterable<readonly ChatEvent[]>;

/** How a scripted adapter is set up. */
export interface ScriptedAdapterOptions {
  readonly name: string;
  readonly play?: Play;
  /** Warnings it would begin with; throws what its builder would. Default: none. Without effect on `play`. */
  readonly preview?: Adapter["preview"];
  /** Support by capability; what is not listed is not known. */
  readonly support?: ReadonlyMap<Capability, Support>;
  readonly defaultModel?: string;
  /** Largest output of its models, in tokens. Default: not known. */
  readonly maxOutputTokens?: number;
  /** Vendor whose prices it has. Default: one without any. */
  readonly seller?: string;
  /** Default: false. */
  readonly spends?: boolean;
  /** Laid over settings without retries and without a breaker. */
  readonly settings?: Partial<ProviderSettings>;
}

/** An adapter that plays what a test tells it to, and keeps the inputs it got. */
export function createScriptedAdapter(options: ScriptedAdapterOptions): Adapter & { readonly inputs: AttemptInput[] } {
  const inputs: AttemptInput[] = [];
  const model = (name: string) =>
    create(ModelCapabilitiesSchema, {
      model: name,
      ...(options.maxOutputTokens !== undefined && { maxOutputTokens: options.maxOutputTokens }),
      capabilities: [...(options.support ?? [])].map(([capability, support]) => ({ capability, support })),
    });
  const play = options.play ?? answer("hello");
  return {
    inputs,
    settings: {
      name: options.name,
      kind: "scripted",
      headers: {},
      transport: "native",
      timeouts: { connectMs: 1000, headersMs: 1000, idleMs: 1000 },
      models: {},
      quirks: {},
      ...options.settings,
    },
    owner: "scripted",
    seller: options.seller ?? "scripted",
    spends: options.spends ?? false,
    defaultModel: options.defaultModel ?? "model-1",
    model,
    models: () => [model(options.defaultModel ?? "model-1")],
    preview: options.preview ?? (() => ({ warnings: [] })),
    chat: (input) => {
      inputs.push(input);
      return play(input);
    },
    close: async () => undefined,
  };
}

/** Plays one text, a final usage and the end. */
export function answer(text: string, outputTotal = 1): Play {
  return async function* ({ step, attempt }) {
    yield [textDelta({ step, part: 0 }, text)];
    yield [usageEvent(step, attempt, { ...unknownUsage(), inputTotal: 2, outputTotal }, true), finishedEvent()];
  };
}

/** The adapter's own `finished`. */
export function finishedEvent(): ChatEvent {
  return chatEvent({
    case: "finished",
    value: {
      $typeName: "execution.v1.Finished",
      reason: FinishReason.STOP,
      providerReason: "stop",
      attempt: 0,
      priceVersion: "",
      attempts: [],
      providerMessage: "",
    },
  });
}

/** Plays one script after the other, one a call, and the last one ever after. */
export function inTurn(...plays: readonly Play[]): Play {
  let calls = 0;
  return (input) => {
    const play = plays[Math.min(calls, plays.length - 1)] ?? answer("hello");
    calls += 1;
    return play(input);
  };
}

/** Plays a provider that refuses: headers come, and then this error. */
export function refusing(error: Error): Play {
  return async function* ({ onHeaders }) {
    onHeaders();
    yield [];
    throw error;
  };
}

/** Plays a provider that says nothing until its request is closed. */
export const silence: Play = async function* ({ signal }) {
  yield [];
  await new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
};
