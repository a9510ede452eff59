import type { Script } from "../../../src/adapters/mock/script.ts";
import { createEmulator } from "../../emulators/emulator.ts";
import type { Delivery, Exchange } from "../../emulators/exchange.ts";
import { testProvider } from "../../support/gateway.ts";
import { userRequest } from "../openai/rig.ts";
import { type AdapterRig, describeAdapter } from "../shared-suite.ts";
import { parrotKind } from "./parrot/index.ts";
import { isWhole, parrotWire, scriptedDocument, scriptedExchange } from "./script-answer.ts";

/** How streams are delivered in turn; in place of the last, an answer that plays to its end comes as a document. */
const deliveries: readonly (Delivery | undefined)[] = [
  { kind: "event-per-write" },
  { kind: "random-splits" },
  { kind: "whole" },
  undefined,
];

/** The adapter in front of an emulator, which finds the script of a request by its text. */
async function createRig(): Promise<AdapterRig> {
  const exchanges = new Map<string, Exchange>();
  const emulator = await createEmulator({
    answer: ({ json }) => {
      const { talk } = json as { readonly talk: readonly { readonly say: string }[] };
      const exchange = exchanges.get(talk[0]?.say ?? "");
      if (exchange === undefined) throw new Error("no script is armed for this request");
      return exchange;
    },
  });
  const settings = testProvider({ kind: "parrot", baseUrl: emulator.baseUrl });
  const adapter = parrotKind.create(settings, { now: () => 0, newId: () => "unused" });
  let armed = 0;
  return {
    adapter,
    model: "polly",
    arm: (script: Script) => {
      armed += 1;
      const isLong = script.some((step) => "text" in step && step.repeat !== undefined);
      const text = `Play script ${armed}.`;
      const delivery = deliveries[isLong ? 0 : armed % deliveries.length];
      const isDocument = delivery === undefined && isWhole(script);
      exchanges.set(
        text,
        isDocument ? scriptedDocument(script) : scriptedExchange(script, delivery ?? { kind: "whole" }),
      );
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

describeAdapter("the example", { createRig, wire: parrotWire, runs: 30 });
