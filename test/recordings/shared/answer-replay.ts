import type { Adapter, AdapterKind, ProviderSettings, Transport } from "../../../src/adapters/adapter.ts";
import type { ChatEvent } from "../../../src/contract/events.ts";
import type { ChatRequest } from "../../../src/gen/execution/v1/chat_pb.js";
import { brokenInvariants } from "../../adapters/shared/invariants.ts";
import { attemptInput } from "../../adapters/shared/observe.ts";
import { createEmulator } from "../../emulators/emulator.ts";
import type { Delivery } from "../../emulators/exchange.ts";
import { type ChatOutcome, outcomeOf } from "../../support/compare-chat.ts";
import { type RecordedCase, type RecordingRow, toExchange } from "../../support/recordings.ts";

/** What an adapter made of a recorded answer. */
export interface ReplayedAnswer {
  readonly events: readonly ChatEvent[];
  readonly outcome: ChatOutcome;
  /** What it threw; undefined if it did not. */
  readonly error: unknown;
  /** What the events break of the adapter's interface. */
  readonly broken: readonly string[];
}

/** Adapters in front of an emulator that plays recorded answers, one at a time. */
export interface AnswerReplay {
  /** Seed of the random splits. */
  readonly seed: number;
  read(recorded: RecordedCase, transport: Transport, delivery: Delivery): Promise<ReplayedAnswer>;
  close(): Promise<void>;
}

/** What decides who reads a row. */
export interface AnswerReader {
  readonly kind: AdapterKind;
  readonly settingsOf: (row: RecordingRow) => ProviderSettings;
  readonly requestOf: (row: RecordingRow) => { readonly request: ChatRequest; readonly model: string };
}

/** Starts the emulator. Adapters are made as they are needed: rows with equal settings share one. */
export async function createAnswerReplay({ kind, settingsOf, requestOf }: AnswerReader): Promise<AnswerReplay> {
  const emulator = await createEmulator();
  const adapters = new Map<string, Adapter>();
  let minted = 0;
  const newId = (): string => {
    minted += 1;
    return `minted ${minted}`;
  };
  const adapterFor = (row: RecordingRow, transport: Transport): Adapter => {
    const settings = { ...settingsOf(row), baseUrl: emulator.baseUrl, transport };
    const key = JSON.stringify(settings);
    const adapter = adapters.get(key) ?? kind.create(settings, { now: Date.now, newId });
    adapters.set(key, adapter);
    return adapter;
  };
  return {
    seed: emulator.seed,
    read: async (recorded, transport, delivery) => {
      emulator.enqueue(toExchange(recorded, delivery));
      const { request, model } = requestOf(recorded.row);
      return readAll(adapterFor(recorded.row, transport), request, model);
    },
    close: async () => {
      await Promise.all([...adapters.values()].map((adapter) => adapter.close()));
      await emulator.close();
    },
  };
}

async function readAll(adapter: Adapter, request: ChatRequest, model: string): Promise<ReplayedAnswer> {
  const events: ChatEvent[] = [];
  let error: unknown;
  try {
    for await (const batch of adapter.chat(attemptInput(request, { model }))) events.push(...batch);
  } catch (thrown) {
    error = thrown;
  }
  const outcome = error === undefined ? ("success" as const) : ("error" as const);
  return {
    events,
    outcome: outcomeOf(events),
    error,
    broken: brokenInvariants(events, { step: 0, attempt: 0, outcome }),
  };
}
