import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { isContent } from "../../src/contract/events.ts";
import type { Delivery } from "../emulators/exchange.ts";
import { splitEvents } from "../emulators/split.ts";
import { differences, outcomeOf } from "../support/compare-chat.ts";
import { loadCase, openaiChatRows, type RecordingRow, recordingsAvailable } from "../support/recordings.ts";
import { ANSWER_EXCEPTIONS, caseDir, RECORDED_FAILURES } from "./exceptions.ts";
import { type Replayed, type ReplayGateway, startReplay } from "./gateway-replay.ts";

/*
 * Every recorded chat-completions exchange is played by a real HTTP server through a running gateway and read by our client over gRPC: the
 * streams under each lossless delivery, the whole bodies whole and byte by byte. Text, reasoning, tool calls, finish reason and usage must be
 * as `expected.json` says.
 */

const rows = recordingsAvailable() ? openaiChatRows() : [];
const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const failed = ({ status, tags }: RecordingRow): boolean => status !== 200 || tags.includes("midstream_error");

/** SSE events of a body that carry data. */
const countEvents = (body: Uint8Array): number => splitEvents(body).filter(({ isEvent }) => isEvent).length;

/**
 * The connection breaks at the beginning, in the middle, and before the last event; or the body ends faultlessly, but before the event with the
 * finish reason.
 */
function cutsOf(body: Uint8Array): Delivery[] {
  const events = splitEvents(body).filter(({ isEvent }) => isEvent);
  const finish = events.findIndex(({ bytes }) => /"finish_reason":\s*"/.test(Buffer.from(bytes).toString("utf8")));
  const places = (last: number): number[] =>
    [...new Set([0, 1, Math.floor(last / 2), last])].filter((at) => at <= last);
  return [
    ...places(events.length - 1).map((at): Delivery => ({ kind: "cut-after-events", events: at })),
    ...places(finish).map((at): Delivery => ({ kind: "cut-after-events", events: at, clean: true })),
  ];
}

const lossless: readonly Delivery[] = [
  { kind: "whole" },
  { kind: "event-per-write" },
  { kind: "byte-per-write" },
  { kind: "random-splits" },
];

/** What a row came to that it should not have: an answer is compared with `expected.json`, a failure with its row of the error table. */
function problemsOf(row: RecordingRow, { events, error, broken }: Replayed): string[] {
  const outcome = outcomeOf(events);
  const failure = RECORDED_FAILURES.find(({ dir }) => dir === caseDir(row));
  if (failure !== undefined) {
    // Once content was sent every failure of a provider is ABORTED.
    const partial = events.some(isContent);
    const wanted = [failure.reason, partial ? "ABORTED" : failure.code].join(" ");
    const got = error === undefined ? "a success" : [error.reason, error.code].join(" ");
    return [...(got === wanted ? [] : [`got ${got}, wanted ${wanted}`]), ...(broken === undefined ? [] : [broken])];
  }
  if (error !== undefined) return [`${error.reason} ${error.message}`];
  const exception = ANSWER_EXCEPTIONS.find(({ dir }) => dir === caseDir(row));
  const found = differences(outcome, loadCase(row).expected);
  const others = found.filter((line) => exception === undefined || !line.startsWith(exception.field));
  return [...(broken === undefined ? [] : [broken]), ...others];
}

/** Runs a task for each item, a few at a time, and gathers what it finds. */
async function gather<Item, Found>(items: readonly Item[], task: (item: Item) => Promise<Found[]>): Promise<Found[]> {
  const found: Found[] = [];
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) found.push(...(await task(item)));
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return found;
}

describe("recorded chat-completions exchanges through a running gateway", () => {
  if (rows.length === 0) {
    test("need recordings, of which this machine has none (EP_TEST_RECORDINGS)", () => {
      say("replayed 0 of 0 chat-completions exchanges: there are no recordings");
      expect(recordingsAvailable()).toBe(false);
    });
    return;
  }

  let replay: ReplayGateway;
  beforeAll(async () => {
    replay = await startReplay(rows, 60_000);
  });
  afterAll(() => replay.close());

  test.each(lossless)("are read as recorded, delivered $kind", async (delivery) => {
    // A whole document has no events; the other deliveries are for it too.
    const played = rows.filter((row) => row.stream || delivery.kind !== "event-per-write");
    const wrong = new Set<string>();
    const problems = await gather(played, async (row) => {
      const found = problemsOf(row, await replay.play(row, delivery));
      if (found.length > 0) wrong.add(row.id);
      return found.map((problem) => `${row.id}: ${problem}`);
    });
    say(`replayed ${played.length - wrong.size} of ${played.length} exchanges (${rows.length} rows), ${delivery.kind}`);
    expect(problems).toEqual([]);
  });

  // Mutants seen red: a decoder that takes the end of the body for the end of the answer; a client that takes a broken connection for one.
  test("that are cut before their end never end well", async () => {
    const streams = rows.filter((row) => row.stream && !failed(row));
    const wrong = await gather(streams, async (row) => {
      const found: string[] = [];
      // One after the other: a row is played by one instance, which knows one delivery at a time.
      for (const delivery of cutsOf(loadCase(row).body)) {
        const { error, broken } = await replay.play(row, delivery);
        if (error === undefined) found.push(`${row.id} ended well: ${JSON.stringify(delivery)}`);
        if (broken !== undefined) found.push(`${row.id}: ${broken}`);
      }
      return found;
    });
    const cuts = streams.flatMap((row) => cutsOf(loadCase(row).body)).length;
    say(`cut ${streams.length} streams in ${cuts} ways, ${wrong.length} went wrong`);
    expect(wrong).toEqual([]);
  });
});

describe("recorded chat-completions streams that stall", () => {
  if (rows.length === 0) return;

  // Mutant seen red: no limit on the provider's silence.
  test("end as stalled, with what was said and used so far", async () => {
    const streams = rows.filter((row) => row.stream && !failed(row));
    const replay = await startReplay(streams, 300);
    try {
      const wrong = await gather(streams, async (row) => {
        const events = Math.floor(countEvents(loadCase(row).body) / 2);
        const { error } = await replay.play(row, { kind: "stall-after-events", events });
        return error?.reason === "UPSTREAM_STALLED" ? [] : [`${row.id}: ${error?.reason ?? "ended well"}`];
      });
      say(`stalled ${streams.length} streams, ${wrong.length} ended otherwise`);
      expect(wrong).toEqual([]);
    } finally {
      await replay.close();
    }
  });
});
