import type { Adapter, ProviderSettings, Transport } from "../../../src/adapters/adapter.ts";
import { geminiKind } from "../../../src/adapters/gemini/index.ts";
import type { Script } from "../../../src/adapters/mock/script.ts";
import { createEmulator, type Emulator } from "../../emulators/emulator.ts";
import type { Delivery, Exchange, ReceivedRequest } from "../../emulators/exchange.ts";
import { userRequest } from "../openai/rig.ts";
import type { AdapterRig } from "../shared-suite.ts";
import { type Framing, scriptedExchange } from "./script-answer.ts";

/** Settings of an instance that the emulator serves. */
export function geminiSettings(baseUrl: string, changes: Partial<ProviderSettings> = {}): ProviderSettings {
  return {
    name: "near",
    kind: "gemini",
    baseUrl,
    headers: {},
    transport: "native",
    timeouts: { connectMs: 10_000, headersMs: 60_000, idleMs: 60_000 },
    models: {},
    quirks: {},
    ...changes,
  };
}

/** An adapter whose minted ids end in `minted 1`, `minted 2` ... */
export function createGemini(settings: ProviderSettings): Adapter {
  let minted = 0;
  const newId = (): string => {
    minted += 1;
    return `minted ${minted}`;
  };
  return geminiKind.create(settings, { now: () => 0, newId });
}

const deliveries: readonly Delivery[] = [{ kind: "event-per-write" }, { kind: "random-splits" }, { kind: "whole" }];

/** The adapter in front of an emulator of `streamGenerateContent`, which finds the script of a request by its text. */
export async function createGeminiRig(
  transport: Transport,
  framing: Framing,
): Promise<AdapterRig & { readonly emulator: Emulator }> {
  const exchanges = new Map<string, Exchange>();
  const answer = ({ json }: ReceivedRequest): Exchange => {
    const { contents } = json as { readonly contents: readonly { readonly parts: readonly { text: string }[] }[] };
    const exchange = exchanges.get(contents[0]?.parts[0]?.text ?? "");
    if (exchange === undefined) throw new Error("no script is armed for this request");
    return exchange;
  };
  const emulator = await createEmulator({ answer });
  const quirks = { stream_framing: framing };
  const adapter = createGemini(geminiSettings(`${emulator.baseUrl}/v1beta`, { transport, quirks }));
  let armed = 0;
  return {
    emulator,
    adapter,
    model: "scripted",
    arm: (script: Script) => {
      armed += 1;
      const delivery = deliveries[script.some((step) => "text" in step && step.repeat !== undefined) ? 0 : armed % 3];
      const text = `Play script ${armed}.`;
      exchanges.set(text, scriptedExchange(script, framing, delivery ?? { kind: "whole" }));
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
