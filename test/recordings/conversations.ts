import { create } from "@bufbuild/protobuf";
import { createExchanges } from "../../src/adapters/exchange.ts";
import { readError } from "../../src/adapters/openai/errors.ts";
import { resolveQuirks } from "../../src/adapters/openai/quirk-settings.ts";
import { createDecoder } from "../../src/adapters/openai/stream.ts";
import type { ChatEvent } from "../../src/contract/events.ts";
import { fold } from "../../src/contract/fold.ts";
import { ChatRequestSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { type Message, MessageRole } from "../../src/gen/execution/v1/content_pb.js";
import { loadCase, type RecordedCase, type RecordingRow } from "../support/recordings.ts";
import type { RecordedSend } from "./recorded-requests.ts";

/** The step before a row in its recorded conversation; undefined where it was not recorded. */
export function previousStep(row: RecordingRow, rows: readonly RecordingRow[]): RecordingRow | undefined {
  const sameConversation = ({ source, steps }: RecordingRow): boolean =>
    source.repo === row.source.repo && source.path === row.source.path && steps === row.steps;
  return rows.find((other) => other.step === row.step - 1 && sameConversation(other));
}

/**
 * Where the answer to `previous` stands in `next`, as an index into its messages: right after the messages of `previous`, as an assistant
 * turn. Undefined where the two are requests of their own.
 */
export function answerPosition(previous: RecordedSend, next: RecordedSend): number | undefined {
  const position = previous.request.messages.length;
  return next.request.messages[position]?.role === MessageRole.ASSISTANT ? position : undefined;
}

/** The next request with the turn at `position` taken from the folded events of the recorded answer before it. Throws if that is an error. */
export async function withFoldedTurn(
  next: RecordedSend,
  position: number,
  previous: RecordedSend,
): Promise<RecordedSend> {
  const messages = [...next.request.messages];
  messages[position] = await foldedAnswer(previous);
  return { ...next, request: create(ChatRequestSchema, { ...next.request, messages }) };
}

async function foldedAnswer({ row, settings, model }: RecordedSend): Promise<Message> {
  const [message] = fold(await decode(loadCase(row), settings, model));
  if (message === undefined) throw new Error(`the answer of ${row.id} folds to nothing`);
  return message;
}

async function decode(
  { responseStatus, responseHeaders, body }: RecordedCase,
  settings: RecordedSend["settings"],
  model: string,
): Promise<ChatEvent[]> {
  let ids = 0;
  const reads = [new Uint8Array(body)];
  const headers = Object.fromEntries(
    Object.entries(responseHeaders).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const exchanges = createExchanges();
  const nothing = (): void => undefined;
  const events = exchanges.run({
    provider: settings.name,
    model,
    prepare: () => ({
      request: {
        method: "POST",
        url: new URL("http://provider.invalid/"),
        headers: {},
        body: "",
        signal: new AbortController().signal,
      },
      first: [],
    }),
    send: async () => ({
      status: responseStatus,
      headers,
      body: { read: async () => reads.shift(), close: nothing },
    }),
    onHeaders: nothing,
    decoder: createDecoder({
      step: 0,
      attempt: 0,
      quirks: resolveQuirks(settings, model),
      newId: () => `minted-${ids++}`,
    }),
    readError: (answer) => readError(answer, 0),
  });
  const all: ChatEvent[] = [];
  for await (const batch of events) all.push(...batch);
  await exchanges.settled();
  return all;
}
