import type { ProviderSettings } from "../../../src/adapters/adapter.ts";
import type { Reason } from "../../../src/errors.ts";
import type { ChatRequest } from "../../../src/gen/execution/v1/chat_pb.js";
import type { Code } from "../../../src/gen/google/rpc/code_pb.js";
import type { FiguresReader } from "../../support/compare-chat.ts";
import { type ExpectedAnswer, loadCase, type RecordedCase, type RecordingRow } from "../../support/recordings.ts";

/** A recorded answer that we do not read as `expected.json` has it, and why. Reviewed by hand; the tests fail on any that is not needed. */
export interface AnswerException {
  /** The case's folder below `cases/`. */
  readonly dir: string;
  /** The field of the comparison that differs, and the only one. */
  readonly field: "text" | "reasoning" | "toolCalls" | "finishReason" | "usage";
  readonly reason: string;
}

/** What a recorded failure must become. */
export interface RecordedFailure {
  /** The case's folder below `cases/`. */
  readonly dir: string;
  readonly reason: Reason;
  readonly code: keyof typeof Code;
  /** Milliseconds the provider asks to wait. */
  readonly retryAfterMs?: number;
}

/**
 * What a wire brings to every suite over its recorded answers. A folder of `test/recordings` holds one such object, and the lists it is
 * made of.
 */
export interface RecordedWire {
  /** What the printed lines call it: `chat-completions`. */
  readonly label: string;
  /** Every index row of the APIs and providers it claims (`rowsOf`): the Y of "replayed X of Y". */
  readonly rows: readonly RecordingRow[];
  /** Every recorded failure with its row of the error table, worked out by hand from the recorded body. */
  readonly failures: readonly RecordedFailure[];
  /** At most one row in a hundred. */
  readonly exceptions: readonly AnswerException[];
  /** Reads the wire's usage object a second time, so that the adapter's reading is not compared with itself. */
  readonly figures: FiguresReader;
  /**
   * What `expected.json` says in the words of the comparison, where the extractor has other words than the contract. An `error` makes the case one
   * of the failures. Absent: as it is.
   */
  readonly expectedOf?: (recorded: RecordedCase) => ExpectedAnswer;
}

/** A request for an instance. The suites replace the base URL, and the name, the transport or the timeouts where they need to. */
export interface InstanceSend {
  readonly request: ChatRequest;
  /** The provider's own word for the model. */
  readonly model: string;
  readonly settings: ProviderSettings;
}

/** The recorded case of a row, with what the wire expects of it. */
export function loadRecorded({ expectedOf }: RecordedWire, row: RecordingRow): RecordedCase {
  const recorded = loadCase(row);
  return expectedOf === undefined ? recorded : { ...recorded, expected: expectedOf(recorded) };
}

/** The case's folder below `cases/`. */
export function caseDir({ dir }: { readonly dir?: string }): string {
  return (dir ?? "").replace(/^cases\//, "");
}

/** Prints a line where jest does not hide it. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
