import { create } from "@bufbuild/protobuf";
import type { ProviderSettings } from "../../src/adapters/adapter.ts";
import { ChatError, createClient } from "../../src/client/index.ts";
import { createInvariantChecker } from "../../src/contract/invariants.ts";
import { ExecutionError } from "../../src/errors.ts";
import { type ChatRequest, ChatRequestSchema, type ChatResponse } from "../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../src/gen/execution/v1/content_pb.js";
import { createEmulator } from "../emulators/emulator.ts";
import type { Delivery } from "../emulators/exchange.ts";
import { startTestGateway, testProvider } from "../support/gateway.ts";
import { loadCase, type RecordingRow, toExchange } from "../support/recordings.ts";
import { recordedToRequest } from "./recorded-requests.ts";

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
  /** Calls a row's instance with the recorded request, delivered in a given way. */
  play(row: RecordingRow, delivery: Delivery): Promise<Replayed>;
  close(): Promise<void>;
}

/** Starts the emulator and a gateway with one provider instance a row. `idleMs` is how long a silent provider is waited for. */
export async function startReplay(rows: readonly RecordingRow[], idleMs: number): Promise<ReplayGateway> {
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
  const sends = rows.map((row, index) => sendOf(row, `${emulator.baseUrl}/row-${index}/v1`, idleMs));
  const providers = sends.map(({ settings }, index) => ({ ...settings, name: `row-${index}` }));
  const gateway = await startTestGateway({ providers });
  const client = createClient({ baseUrl: gateway.grpcUrl });
  return {
    play: async (row, delivery) => {
      const index = rows.indexOf(row);
      const send = sends[index];
      if (send === undefined) throw new Error(`${row.id} is no row of this replay`);
      deliveries.set(String(index), delivery);
      return readCall(client.chat({ ...send.request, provider: `row-${index}`, model: send.model }));
    },
    close: async () => {
      client.close();
      await gateway.stop();
      await emulator.close();
    },
  };
}

interface Send {
  readonly request: ChatRequest;
  readonly model: string;
  readonly settings: ProviderSettings;
}

/** The recorded request, or where none was recorded, or our parser refuses it on purpose, a plain one that streams as the case did. */
function sendOf(row: RecordingRow, baseUrl: string, idleMs: number): Send {
  const timeouts = { connectMs: 5000, headersMs: 30_000, idleMs };
  if (row.requestRecorded) {
    try {
      const { request, model, settings } = recordedToRequest(row, ["n"]);
      return { request, model, settings: { ...settings, baseUrl, timeouts } };
    } catch (thrown) {
      if (!(thrown instanceof ExecutionError)) throw thrown;
    }
  }
  return {
    request: create(ChatRequestSchema, {
      messages: [{ role: MessageRole.USER, parts: [{ kind: { case: "text", value: { text: "hi" } } }] }],
    }),
    model: row.model ?? "any",
    settings: testProvider({ kind: "openai", baseUrl, timeouts, quirks: { stream: row.stream } }),
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
