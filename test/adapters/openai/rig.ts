import { create } from "@bufbuild/protobuf";
import type { Adapter, ProviderSettings, Transport } from "../../../src/adapters/adapter.ts";
import type { Script } from "../../../src/adapters/mock/script.ts";
import { openaiKind } from "../../../src/adapters/openai/index.ts";
import { type ChatRequest, ChatRequestSchema } from "../../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
import { createEmulator, type Emulator } from "../../emulators/emulator.ts";
import type { Delivery, Exchange, ReceivedRequest } from "../../emulators/exchange.ts";
import type { AdapterRig } from "../shared-suite.ts";
import { scriptedExchange } from "./script-answer.ts";

/** Settings of an instance that the emulator serves. */
export function openaiSettings(baseUrl: string, changes: Partial<ProviderSettings> = {}): ProviderSettings {
  return {
    name: "near",
    kind: "openai",
    baseUrl,
    headers: {},
    transport: "native",
    timeouts: { connectMs: 10_000, headersMs: 60_000, idleMs: 60_000 },
    models: {},
    quirks: {},
    ...changes,
  };
}

/** An adapter whose minted ids are `minted 1`, `minted 2` ... */
export function createOpenai(settings: ProviderSettings): Adapter {
  let minted = 0;
  const newId = (): string => {
    minted += 1;
    return `minted ${minted}`;
  };
  return openaiKind.create(settings, { now: () => 0, newId });
}

/** A request whose only message is a user's text. */
export function userRequest(text: string): ChatRequest {
  return create(ChatRequestSchema, {
    messages: [{ role: MessageRole.USER, parts: [{ kind: { case: "text", value: { text } } }] }],
  });
}

const deliveries: readonly Delivery[] = [{ kind: "event-per-write" }, { kind: "random-splits" }, { kind: "whole" }];

/** The adapter in front of an emulator of chat completions, which finds the script of a request by its text. */
export async function createOpenaiRig(transport: Transport): Promise<AdapterRig & { readonly emulator: Emulator }> {
  const exchanges = new Map<string, Exchange>();
  const answer = ({ json }: ReceivedRequest): Exchange => {
    const { messages } = json as { readonly messages: readonly { readonly content: string }[] };
    const exchange = exchanges.get(messages[0]?.content ?? "");
    if (exchange === undefined) throw new Error("no script is armed for this request");
    return exchange;
  };
  const emulator = await createEmulator({ answer });
  const adapter = createOpenai(openaiSettings(`${emulator.baseUrl}/v1`, { transport }));
  let armed = 0;
  return {
    emulator,
    adapter,
    model: "scripted",
    arm: (script: Script) => {
      armed += 1;
      const delivery = deliveries[script.some((step) => "text" in step && step.repeat !== undefined) ? 0 : armed % 3];
      const text = `Play script ${armed}.`;
      exchanges.set(text, scriptedExchange(script, delivery ?? { kind: "whole" }));
      return userRequest(text);
    },
    openExchanges: () => emulator.inFlight(),
    produced: () => emulator.requests.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
    close: async () => {
      await adapter.close();
      await emulator.close();
    },
  };
}
