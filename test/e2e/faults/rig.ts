import type { ModelSettings, ProviderSettings, Transport } from "../../../src/adapters/adapter.ts";
import { ChatError, type Client, createClient, Role, text } from "../../../src/client/index.ts";
import type { RoutingSettings } from "../../../src/config/config.ts";
import { createInvariantChecker } from "../../../src/contract/invariants.ts";
import type { RunningGateway } from "../../../src/gateway.ts";
import { type ChatResponse, NextStep } from "../../../src/gen/execution/v1/chat_pb.js";
import { IN_ORDER } from "../../../src/router/routing.ts";
import { createEmulator, type Emulator } from "../../emulators/emulator.ts";
import type { Answer, Exchange } from "../../emulators/exchange.ts";
import { startTestGateway, testProvider } from "../../support/gateway.ts";
import { within } from "../../support/wait.ts";
import type { FaultWire } from "./wires.ts";

/** How a call ended. */
export interface CallResult {
  readonly events: readonly ChatResponse[];
  readonly text: string;
  readonly error: ChatError | undefined;
}

/** A gateway in front of two providers of one wire: `near`, which is tried first, and `far`. */
export interface FaultRig {
  readonly near: Emulator;
  readonly far: Emulator;
  readonly gateway: RunningGateway;
  readonly client: Client;
  /** Makes a call, and holds its stream to the contract and to a watchdog far beyond every timeout. */
  call(question?: string): Promise<CallResult>;
  /** How many requests each provider has got. */
  calls(): readonly [number, number];
  close(): Promise<void>;
}

/** How the gateway of a fault is set up. */
export interface FaultRigOptions {
  readonly routing?: Partial<RoutingSettings>;
  /** Silence that `near` may keep, in milliseconds. Default: far above what an answer takes. */
  readonly silenceMs?: number;
  /** Silence that `near` may keep within an answer, in milliseconds. Default: twice `silenceMs`. */
  readonly idleMs?: number;
  /** What `near` is called over. Default: our own client. */
  readonly transport?: Transport;
  /** Whether `near` is alone, without retries and without a breaker. */
  readonly alone?: true;
  readonly contextWindows?: readonly [number, number];
  /** The model of `far`. Default: one of which nothing is known. */
  readonly farModel?: ModelSettings;
  /** Where `near` is to be found. Default: at its emulator. */
  readonly nearUrl?: string;
  /** Time in which `near` is to be connected to, in milliseconds. Default: far above what it takes. */
  readonly connectMs?: number;
  /** What the provider that is tried second says. Default: `far`. */
  readonly far?: Exchange;
  /** What the provider that is tried first says, after what is queued. Default: `near`. */
  readonly near?: Exchange | Answer;
}

/** Far above what an answer takes, in milliseconds. */
const WATCHDOG_MS = 15_000;

/** Starts the gateway and both providers. */
export async function createFaultRig(wire: FaultWire, options: FaultRigOptions = {}): Promise<FaultRig> {
  const said = (word: string): Exchange => wire.play([{ text: [word] }]);
  const near = await createEmulator({
    answer: (received) =>
      typeof options.near === "function" ? options.near(received) : (options.near ?? said("near")),
  });
  const far = await createEmulator({ answer: () => options.far ?? said("far") });
  const { silenceMs = WATCHDOG_MS, idleMs = 2 * silenceMs, connectMs = 2_000 } = options;
  const provider = (name: string, baseUrl: string, model: ModelSettings | undefined): ProviderSettings =>
    testProvider({
      name,
      kind: wire.kind,
      baseUrl: `${baseUrl}${wire.path}`,
      defaultModel: "m",
      models: model === undefined ? {} : { m: model },
      spends: false,
      ...(name === "near" && options.transport !== undefined && { transport: options.transport }),
      ...(options.alone ? {} : { retries: 2, breaker: { failures: 5, cooldownMs: 60_000 } }),
      timeouts:
        name === "near"
          ? { connectMs, headersMs: silenceMs, idleMs, firstTokenMs: silenceMs }
          : { connectMs: 2_000, headersMs: WATCHDOG_MS, idleMs: WATCHDOG_MS },
    });
  const [nearWindow, farWindow] = options.contextWindows ?? [];
  const gateway = await startTestGateway({
    providers: [
      provider("near", options.nearUrl ?? near.baseUrl, modelOf(nearWindow)),
      provider("far", far.baseUrl, options.farModel ?? modelOf(farWindow)),
    ],
    config: {
      personas: {
        default: {
          name: "default",
          candidates: [{ provider: "near" }, ...(options.alone ? [] : [{ provider: "far" }])],
          routing: { ...IN_ORDER, ...options.routing },
        },
      },
    },
  });
  const client = createClient({ baseUrl: gateway.grpcUrl });
  return {
    near,
    far,
    gateway,
    client,
    call: (question = "Hi") =>
      within(callOnce(client, question), { what: "the end of a call", timeoutMs: WATCHDOG_MS }),
    calls: () => [near.requests.length, far.requests.length],
    close: async () => {
      client.close();
      await gateway.stop();
      await Promise.all([near.close(), far.close()]);
    },
  };
}

async function callOnce(client: Client, question: string): Promise<CallResult> {
  const events: ChatResponse[] = [];
  const checker = createInvariantChecker();
  const broken = (problem: string | undefined): void => {
    if (problem !== undefined) throw new Error(`the stream breaks the contract: ${problem}`);
  };
  let error: ChatError | undefined;
  try {
    for await (const event of client.chat({ messages: [{ role: Role.USER, parts: [text(question)] }] })) {
      events.push(event);
      broken(checker.next(event));
    }
  } catch (thrown) {
    if (!(thrown instanceof ChatError)) throw thrown;
    error = thrown;
  }
  broken(checker.end(error === undefined ? "success" : "error"));
  const said = events.map(({ event }) => (event.case === "textDelta" ? event.value.text : ""));
  return { events, text: said.join(""), error };
}

/** What a caller was told of the attempts, one word an event: `attempt 0 near`, `failed 0 PROVIDER_INTERNAL RETRY`. */
export function attemptsTold(events: readonly ChatResponse[]): readonly string[] {
  return events.flatMap(({ event: { case: name, value } }) => {
    if (name === "attemptStarted") return [`attempt ${value.attempt} ${value.candidate?.provider}`];
    return name === "attemptFailed" ? [`failed ${value.attempt} ${value.reason} ${NextStep[value.next]}`] : [];
  });
}

function modelOf(contextWindow: number | undefined): ModelSettings | undefined {
  return contextWindow === undefined ? undefined : { id: "m", capabilities: [], contextWindow, quirks: {} };
}
