import type { Adapter, ProviderSettings, Transport } from "../../../src/adapters/adapter.ts";
import { anthropicKind } from "../../../src/adapters/anthropic/index.ts";
import type { Script } from "../../../src/adapters/mock/script.ts";
import { createEmulator, type Emulator } from "../../emulators/emulator.ts";
import type { Delivery, Exchange, ReceivedRequest } from "../../emulators/exchange.ts";
import { openaiSettings, userRequest } from "../openai/rig.ts";
import type { AdapterRig } from "../shared-suite.ts";
import { scriptedExchange } from "./script-answer.ts";

export { userRequest };

/** Settings of an instance that the emulator serves. */
export function anthropicSettings(baseUrl: string, changes: Partial<ProviderSettings> = {}): ProviderSettings {
  return openaiSettings(baseUrl, { kind: "anthropic", ...changes });
}

/** An adapter whose minted ids are `minted 1`, `minted 2` ... */
export function createAnthropic(settings: ProviderSettings): Adapter {
  let minted = 0;
  const newId = (): string => {
    minted += 1;
    return `minted ${minted}`;
  };
  return anthropicKind.create(settings, { now: () => 0, newId });
}

const deliveries: readonly Delivery[] = [{ kind: "event-per-write" }, { kind: "random-splits" }, { kind: "whole" }];

/** The adapter in front of an emulator of the Messages API, which finds the script of a request by its text. */
export async function createAnthropicRig(transport: Transport): Promise<AdapterRig & { readonly emulator: Emulator }> {
  const exchanges = new Map<string, Exchange>();
  const answer = ({ json }: ReceivedRequest): Exchange => {
    const { messages } = json as { readonly messages: readonly { readonly content: string }[] };
    const exchange = exchanges.get(messages[0]?.content ?? "");
    if (exchange === undefined) throw new Error("no script is armed for this request");
    return exchange;
  };
  const emulator = await createEmulator({ answer });
  const adapter = createAnthropic(anthropicSettings(emulator.baseUrl, { transport }));
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
