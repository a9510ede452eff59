import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Adapter, Transport } from "../../src/adapters/adapter.ts";
import { openaiKind } from "../../src/adapters/openai/index.ts";
import type { ChatEvent } from "../../src/contract/events.ts";
import { ExecutionError } from "../../src/errors.ts";
import { Code } from "../../src/gen/google/rpc/code_pb.js";
import { openaiSettings, userRequest } from "../adapters/openai/rig.ts";
import { brokenInvariants } from "../adapters/shared/invariants.ts";
import { attemptInput } from "../adapters/shared/observe.ts";
import { createEmulator, type Emulator } from "../emulators/emulator.ts";
import type { Delivery } from "../emulators/exchange.ts";
import { type ChatOutcome, differences, outcomeOf } from "../support/compare-chat.ts";
import { loadCase, openaiChatRows, type RecordedCase, recordingsAvailable, toExchange } from "../support/recordings.ts";
import { ANSWER_EXCEPTIONS, caseDir, RECORDED_FAILURES } from "./exceptions.ts";
import { readWithSdk } from "./official-sdk.ts";

/*
 * Every recorded chat-completions answer is replayed to the adapter by the emulator, over both transports, and the folded events are compared
 * with `expected.json`: text, reasoning, tool calls with their arguments, the provider's word for the end, usage (its own object, and the
 * figures read out of it). Failures are compared with their row of the error table. The same bytes are read by the official SDK.
 *
 * Mutants seen red: a decoder that drops the last delta; one that reads every choice; one that takes the first usage.
 */

const rows = recordingsAvailable() ? openaiChatRows() : [];
const cases = rows.map(loadCase);
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

interface Replay {
  readonly outcome: ChatOutcome;
  readonly error: unknown;
  readonly broken: readonly string[];
}

let emulator: Emulator;
const adapters = new Map<string, Adapter>();
beforeAll(async () => {
  emulator = await createEmulator();
});
afterAll(async () => {
  await Promise.all([...adapters.values()].map((adapter) => adapter.close()));
  await emulator.close();
});

/** One instance a provider and transport, of that vendor where we know it. */
function adapterOf(provider: string, transport: Transport): Adapter {
  const key = `${provider} ${transport}`;
  const plain = openaiSettings(`${emulator.baseUrl}/v1`, { transport });
  const known = { ...plain, quirks: { vendor: provider } };
  let minted = 0;
  const newId = (): string => {
    minted += 1;
    return `${key} ${minted}`;
  };
  const settings = openaiKind.check(known).length === 0 ? known : plain;
  const adapter = adapters.get(key) ?? openaiKind.create(settings, { now: Date.now, newId });
  adapters.set(key, adapter);
  return adapter;
}

async function replay(recorded: RecordedCase, transport: Transport, delivery: Delivery): Promise<Replay> {
  emulator.enqueue(toExchange(recorded, delivery));
  const adapter = adapterOf(recorded.row.provider, transport);
  const events: ChatEvent[] = [];
  let error: unknown;
  try {
    for await (const batch of adapter.chat(attemptInput(userRequest("Hi"), { model: "any" }))) events.push(...batch);
  } catch (thrown) {
    error = thrown;
  }
  const ended = error === undefined ? ("success" as const) : ("error" as const);
  return {
    outcome: outcomeOf(events),
    error,
    broken: brokenInvariants(events, { step: 0, attempt: 0, outcome: ended }),
  };
}

/** What is wrong with the reading of a case, one line each. */
function problems({ row, expected }: RecordedCase, { outcome, error, broken }: Replay): string[] {
  const dir = caseDir(row);
  const failure = RECORDED_FAILURES.find((known) => known.dir === dir);
  if (failure !== undefined) {
    if (!(error instanceof ExecutionError)) return [`${dir}: no failure`];
    const got = [error.reason, Code[error.code], error.extras.retryAfterMs];
    const isEqual = String(got) === String([failure.reason, failure.code, failure.retryAfterMs]);
    const { finishReason: _word, usage: _usage, ...before } = expected;
    const partial = differences({ ...outcome, usage: undefined }, before);
    return [...(isEqual ? [] : [`${dir}: ${got.join(" ")}`]), ...partial.map((line) => `${dir}: ${line}`)];
  }
  if (error !== undefined) return [`${dir}: ${String(error)}`];
  const exception = ANSWER_EXCEPTIONS.find((known) => known.dir === dir);
  const found = differences(outcome, expected);
  const excepted = found.filter((line) => exception !== undefined && line.startsWith(exception.field));
  const others = found.filter((line) => !excepted.includes(line));
  return [
    ...(outcome.finished ? [] : [`${dir}: not finished`]),
    ...(exception !== undefined && excepted.length === 0 ? [`${dir}: is no exception`] : []),
    ...[...others, ...broken].map((line) => `${dir}: ${line}`),
  ];
}

describe("recorded answers of chat completions", () => {
  if (rows.length === 0) {
    test("need recordings, of which this machine has none (EP_TEST_RECORDINGS)", () => {
      say("replayed 0 of 0 chat-completions answers: there are no recordings");
      expect(recordingsAvailable()).toBe(false);
    });
    return;
  }

  test("are all in the index, and all failures among them are listed", () => {
    const failures = cases.filter(({ expected }) => expected.error !== undefined).map(({ row }) => caseDir(row));
    expect(RECORDED_FAILURES.map(({ dir }) => dir)).toEqual(failures);
    const dirs = new Set(rows.map(caseDir));
    expect(ANSWER_EXCEPTIONS.filter(({ dir }) => !dirs.has(dir))).toEqual([]);
    expect(ANSWER_EXCEPTIONS.length / rows.length).toBeLessThanOrEqual(0.01);
  });

  test.each([
    ["native", { kind: "whole" }],
    ["native", { kind: "random-splits" }],
    ["sdk", { kind: "whole" }],
  ] as const)("are read as expected over %s, delivered %j", async (transport, delivery) => {
    const found: string[] = [];
    let equal = 0;
    for (const recorded of cases) {
      const wrong = problems(recorded, await replay(recorded, transport, delivery));
      found.push(...wrong);
      if (wrong.length === 0) equal += 1;
    }
    say(
      `replayed ${equal} of ${rows.length} chat-completions answers over ${transport}, ${delivery.kind}, ${ANSWER_EXCEPTIONS.length} of them with a named exception (seed ${emulator.seed})`,
    );
    for (const { dir, field, reason } of ANSWER_EXCEPTIONS) say(`  but for ${field} of ${dir}: ${reason}`);
    expect(found).toEqual([]);
    expect(equal).toBe(rows.length);
  });

  test("are read by the official SDK alike", async () => {
    const found: string[] = [];
    let alike = 0;
    for (const recorded of cases) {
      const [ours, theirs] = await Promise.all([
        replay(recorded, "native", { kind: "whole" }),
        readWithSdk(recorded).then(
          (reading) => ({ reading, error: undefined }),
          (error: unknown) => ({ reading: undefined, error }),
        ),
      ]);
      const wrong = disagreements(recorded, ours, theirs);
      found.push(...wrong);
      if (wrong.length === 0) alike += 1;
    }
    say(`the official SDK agrees on ${alike} of ${rows.length} chat-completions answers`);
    expect(found).toEqual([]);
  });
});

type Theirs = { readonly reading: Awaited<ReturnType<typeof readWithSdk>> | undefined; readonly error: unknown };

function disagreements({ row }: RecordedCase, { outcome, error }: Replay, theirs: Theirs): string[] {
  const dir = caseDir(row);
  if ((error === undefined) !== (theirs.error === undefined)) {
    return [`${dir}: we ${String(error)}, the SDK ${String(theirs.error)}`];
  }
  if (theirs.reading === undefined) return [];
  const { text, toolCalls, finishReason, usage } = theirs.reading;
  const ours = {
    text: outcome.text,
    toolCalls: outcome.toolCalls.map(({ name, argumentsText }) => ({ name, argumentsText })),
    finishReason: outcome.finishReason,
    usage: outcome.usage === undefined ? undefined : (JSON.parse(outcome.usage.providerUsageJson) as unknown),
  };
  const isGroqUsage = ANSWER_EXCEPTIONS.some((known) => known.dir === dir && known.field === "usage");
  const expected = {
    text,
    toolCalls: toolCalls.map(({ name, argumentsText }) => ({
      name,
      argumentsText: argumentsText === "" ? "{}" : argumentsText,
    })),
    finishReason,
    usage: isGroqUsage ? ours.usage : usage,
  };
  return JSON.stringify(ours) === JSON.stringify(expected)
    ? []
    : [`${dir}: we ${JSON.stringify(ours)}, the SDK ${JSON.stringify(expected)}`];
}
