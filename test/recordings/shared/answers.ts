import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { AdapterKind, ProviderSettings, Transport } from "../../../src/adapters/adapter.ts";
import type { ChatRequest } from "../../../src/gen/execution/v1/chat_pb.js";
import type { RecordedCase, RecordingRow } from "../../support/recordings.ts";
import { answerProblems } from "./answer-problems.ts";
import { type AnswerReplay, createAnswerReplay, type ReplayedAnswer } from "./answer-replay.ts";
import { testWithoutRecordings } from "./no-recordings.ts";
import { caseDir, loadRecorded, type RecordedWire, say } from "./recorded-wire.ts";
import { disagreements, type SdkException, type SdkReading } from "./sdk-reading.ts";

/*
 * Every recorded answer of a wire is replayed to its adapter by the emulator, over each transport, whole and cut at random, and the folded
 * events are compared with `expected.json`: text, reasoning, tool calls with their arguments, the provider's word for the end, usage (its own
 * object, and the figures read out of it). Failures are compared with their row of the error table. The same bytes are read by the official SDK.
 *
 * A wire brings what `AnswersUnderTest` lists. Mutants seen red over chat completions: a decoder that drops the last delta; one that reads every
 * choice; one that takes the first usage.
 */

/** What a wire brings beside `RecordedWire`. */
export interface AnswersUnderTest extends RecordedWire {
  readonly kind: AdapterKind;
  readonly transports: readonly Transport[];
  /** The instance that reads a row; base URL and transport are replaced. Rows with equal settings share an adapter. */
  readonly settingsOf: (row: RecordingRow) => ProviderSettings;
  /** What is asked: anything the adapter can send, since the answer is played whatever comes. */
  readonly requestOf: (row: RecordingRow) => { readonly request: ChatRequest; readonly model: string };
  /** Reads a case with the vendor's SDK: its own framing and its own parser. Rejects with what the SDK throws. */
  readonly readWithSdk: (recorded: RecordedCase) => Promise<SdkReading>;
  /** Where the SDK reads otherwise than we do, and why. */
  readonly sdkExceptions: readonly SdkException[];
  /** What the provider ran by itself, counted in the body. Absent where the wire has no such thing. */
  readonly providerRun?: (recorded: RecordedCase) => { readonly calls: number; readonly results: number };
}

/** The suite over the recorded answers of a wire. */
export function describeRecordedAnswers(wire: AnswersUnderTest): void {
  const { label, rows, transports } = wire;
  const cases = rows.map((row) => loadRecorded(wire, row));
  describe(`recorded ${label} answers`, () => {
    if (rows.length === 0) {
      testWithoutRecordings(`${label} answers`);
      return;
    }

    let replay: AnswerReplay;
    beforeAll(async () => {
      replay = await createAnswerReplay(wire);
    });
    afterAll(() => replay.close());

    test("are all in the index, and all failures among them are listed", () => expectListed(wire, cases));

    const runs = transports.flatMap((transport) =>
      (["whole", "random-splits"] as const).map((kind) => ({ transport, kind })),
    );
    test.each(runs)("are read as expected over $transport, delivered $kind", async ({ transport, kind }) => {
      const found: string[] = [];
      let equal = 0;
      for (const recorded of cases) {
        const wrong = answerProblems(recorded, await replay.read(recorded, transport, { kind }), wire);
        found.push(...wrong.map((line) => `${caseDir(recorded.row)}: ${line}`));
        if (wrong.length === 0) equal += 1;
      }
      say(
        `replayed ${equal} of ${rows.length} ${label} answers over ${transport}, ${kind}, ${wire.exceptions.length} of them with a named exception (seed ${replay.seed})`,
      );
      for (const { dir, field, reason } of wire.exceptions) say(`  but for ${field} of ${dir}: ${reason}`);
      expect(found).toEqual([]);
      expect(equal).toBe(rows.length);
    });

    test("are read by the official SDK alike", async () => {
      const found: string[] = [];
      let alike = 0;
      for (const recorded of cases) {
        const ours = await replay.read(recorded, "native", { kind: "whole" });
        const wrong = await compareWithSdk(wire, recorded, ours);
        found.push(...wrong.map((line) => `${caseDir(recorded.row)}: ${line}`));
        if (wrong.length === 0) alike += 1;
      }
      say(
        `the official SDK agrees on ${alike} of ${rows.length} ${label} answers, ${wire.sdkExceptions.length} of them with a named exception`,
      );
      for (const { dir, field, reason } of wire.sdkExceptions) say(`  but for ${field} of ${dir}: ${reason}`);
      expect(found).toEqual([]);
    });
  });
}

/** Every failure has its hand-made row and the other way round; exceptions are few and of rows that there are. */
function expectListed({ failures, exceptions, sdkExceptions, rows }: AnswersUnderTest, cases: RecordedCase[]): void {
  const failed = cases.filter(({ expected }) => expected.error !== undefined).map(({ row }) => caseDir(row));
  expect(failures.map(({ dir }) => dir).toSorted()).toEqual(failed.toSorted());
  const dirs = new Set(rows.map(caseDir));
  expect([...exceptions, ...sdkExceptions].filter(({ dir }) => !dirs.has(dir))).toEqual([]);
  expect(exceptions.length).toBeLessThanOrEqual(Math.ceil(rows.length / 100));
}

async function compareWithSdk(
  { readWithSdk, sdkExceptions }: AnswersUnderTest,
  recorded: RecordedCase,
  ours: ReplayedAnswer,
): Promise<string[]> {
  const exception = sdkExceptions.find(({ dir }) => dir === caseDir(recorded.row));
  try {
    return disagreements(ours, { reading: await readWithSdk(recorded) }, exception);
  } catch (error) {
    return disagreements(ours, { error }, exception);
  }
}
