import { create } from "@bufbuild/protobuf";
import { fold } from "../../../src/contract/fold.ts";
import { ChatRequestSchema } from "../../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
import { loadCase, type RecordingRow } from "../../support/recordings.ts";
import { createAnswerReplay } from "./answer-replay.ts";
import type { RecordedSend, RequestsUnderTest } from "./recorded-requests.ts";

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

/** The number of the assistant turn at a position among the messages, from 0. */
export function turnAt({ request }: RecordedSend, position: number): number {
  return request.messages.slice(0, position).filter(({ role }) => role === MessageRole.ASSISTANT).length;
}

/** The next request with the turn at `position` taken from the folded events of the recorded answer before it. Throws if that is an error. */
export async function withFoldedTurn(
  wire: RequestsUnderTest,
  next: RecordedSend,
  position: number,
  previous: RecordedSend,
): Promise<RecordedSend> {
  const replay = await createAnswerReplay({
    kind: wire.kind,
    settingsOf: () => previous.settings,
    requestOf: () => previous,
  });
  try {
    const { events, error } = await replay.read(loadCase(previous.row), "native", { kind: "whole" });
    if (error !== undefined) throw error;
    const [message] = fold(events);
    if (message === undefined) throw new Error(`the answer of ${previous.row.id} folds to nothing`);
    const messages = next.request.messages.with(position, message);
    return { ...next, request: create(ChatRequestSchema, { ...next.request, messages }) };
  } finally {
    await replay.close();
  }
}
