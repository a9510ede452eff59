import { ChatError, createClient } from "../../../src/client/index.ts";
import { createInvariantChecker } from "../../../src/contract/invariants.ts";
import type { ChatResponse } from "../../../src/gen/execution/v1/chat_pb.js";
import { createEmulator } from "../../emulators/emulator.ts";
import type { Delivery } from "../../emulators/exchange.ts";
import { startTestGateway } from "../../support/gateway.ts";
import { loadCase, type RecordingRow, toExchange } from "../../support/recordings.ts";
import type { InstanceSend } from "./recorded-wire.ts";

/** Longest that a row may take: a large body that is written byte by byte takes long where other work has the processor. */
const WATCHDOG_MS = 600_000;

/** What a recorded exchange came to when it was played through a running gateway. */
export interface Replayed {
  readonly events: readonly ChatResponse[];
  /** Absent if the call succeeded. */
  readonly error?: ChatError;
  /** What the events break of the contract; absent if nothing. */
  readonly broken?: string;
}

/** A gateway whose provider instances each answer with one recorded case. */
export interface ReplayGateway {
  /** Calls a row's instance with its request, delivered in a given way. */
  play(row: RecordingRow, delivery: Delivery): Promise<Replayed>;
  close(): Promise<void>;
}

/**
 * Starts the emulator and a gateway with one provider instance a row, which is found again by the first step of its path. `idleMs` is how long a
 * silent provider is waited for.
 */
export async function startReplay(
  rows: readonly RecordingRow[],
  sendOf: (row: RecordingRow) => InstanceSend,
  idleMs: number,
): Promise<ReplayGateway> {
  const deliveries = new Map<string, Delivery>();
  const emulator = await createEmulator({
    answer: ({ path }) => {
      const index = /^\/row-(\d+)\//.exec(path)?.[1] ?? "";
      const row = rows[Number(index)];
      const delivery = deliveries.get(index);
      if (row === undefined || delivery === undefined) throw new Error(`no row is played at ${path}`);
      return toExchange(loadCase(row), delivery);
    },
  });
  const timeouts = { connectMs: 5000, headersMs: 30_000, idleMs };
  const sends = rows.map(sendOf);
  const providers = sends.map(({ settings }, index) => ({
    ...settings,
    name: `row-${index}`,
    baseUrl: `${emulator.baseUrl}/row-${index}`,
    timeouts,
  }));
  const gateway = await startTestGateway({ providers });
  const client = createClient({ baseUrl: gateway.grpcUrl });
  return {
    play: async (row, delivery) => {
      const index = rows.indexOf(row);
      const send = sends[index];
      if (send === undefined) throw new Error(`${row.id} is no row of this replay`);
      deliveries.set(String(index), delivery);
      const request = { ...send.request, provider: `row-${index}`, model: send.model };
      return readCall(client.chat(request, { timeoutMs: WATCHDOG_MS }));
    },
    close: async () => {
      client.close();
      await gateway.stop();
      await emulator.close();
    },
  };
}

async function readCall(stream: AsyncIterable<ChatResponse>): Promise<Replayed> {
  const events: ChatResponse[] = [];
  const checker = createInvariantChecker();
  let broken: string | undefined;
  let error: ChatError | undefined;
  try {
    for await (const event of stream) {
      events.push(event);
      broken ??= checker.next(event);
    }
  } catch (thrown) {
    if (!(thrown instanceof ChatError)) throw thrown;
    error = thrown;
  }
  broken ??= checker.end(error === undefined ? "success" : "error");
  return { events, ...(error === undefined ? {} : { error }), ...(broken === undefined ? {} : { broken }) };
}
