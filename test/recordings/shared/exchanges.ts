import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { isContent } from "../../../src/contract/events.ts";
import type { Delivery } from "../../emulators/exchange.ts";
import { splitEvents } from "../../emulators/split.ts";
import { differences, outcomeOf } from "../../support/compare-chat.ts";
import { loadCase, type RecordingRow } from "../../support/recordings.ts";
import { type Replayed, type ReplayGateway, startReplay } from "./gateway-replay.ts";
import { gather } from "./gather.ts";
import { testWithoutRecordings } from "./no-recordings.ts";
import { caseDir, type InstanceSend, loadRecorded, type RecordedWire, say } from "./recorded-wire.ts";

/*
 * Every recorded exchange of a wire is played by a real HTTP server through a running gateway and read by our client over gRPC: the streams
 * under each lossless delivery, the whole bodies whole and cut. Text, reasoning, tool calls, finish reason and usage must be as
 * `expected.json` says, and streams that are cut or fall silent must never end well.
 *
 * A wire brings what `ExchangesUnderTest` lists. Bodies may be event streams, JSON arrays that are streamed, or whole documents.
 */

/** What a wire brings beside `RecordedWire`. */
export interface ExchangesUnderTest extends RecordedWire {
  /** The recorded request, or where none was recorded or our parser refuses it on purpose, a plain one. Base URL, name and timeouts are replaced. */
  readonly sendOf: (row: RecordingRow) => InstanceSend;
  /** Whether an event of a stream, as written, holds the mark after which a clean end of the body is the end of the answer. */
  readonly isEndMark: (event: string) => boolean;
}

const lossless: readonly Delivery[] = [
  { kind: "whole" },
  { kind: "event-per-write" },
  { kind: "byte-per-write" },
  { kind: "random-splits" },
];

/** How many streams are cut at every byte: the shortest. */
const SHORTEST = 5;

/** How long a provider may be silent in the test of stalls. */
const stallMs = 300;

/** The suite over the recorded exchanges of a wire. */
export function describeRecordedExchanges(wire: ExchangesUnderTest): void {
  const { label, rows, isEndMark, sendOf } = wire;
  const failed = new Set(wire.failures.map(({ dir }) => dir));
  const streams = rows.filter((row) => row.stream && !failed.has(caseDir(row)));

  describe(`recorded ${label} exchanges through a running gateway`, () => {
    if (rows.length === 0) {
      testWithoutRecordings(`${label} exchanges`);
      return;
    }

    let replay: ReplayGateway;
    beforeAll(async () => {
      replay = await startReplay(rows, sendOf, 60_000);
    });
    afterAll(() => replay.close());

    test.each(lossless)("are read as recorded, delivered $kind", async (delivery) => {
      // A whole document has no events; the other deliveries are for it too.
      const played = rows.filter((row) => row.stream || delivery.kind !== "event-per-write");
      const wrong = new Set<string>();
      const problems = await gather(played, async (row) => {
        const found = exchangeProblems(row, await replay.play(row, delivery), wire);
        if (found.length > 0) wrong.add(row.id);
        return found.map((problem) => `${row.id}: ${problem}`);
      });
      say(
        `replayed ${played.length - wrong.size} of ${played.length} ${label} exchanges (${rows.length} rows), ${delivery.kind}`,
      );
      expect(problems).toEqual([]);
    });

    // Mutants seen red: a decoder that takes the end of the body for the end of the answer; a client that takes a broken connection for one.
    test("that are cut before their end never end well", async () => {
      const wrong = await gather(streams, async (row) => {
        const found: string[] = [];
        // One after the other: a row is played by one instance, which knows one delivery at a time.
        for (const delivery of cutsOf(loadCase(row).body, isEndMark)) {
          const { error, broken } = await replay.play(row, delivery);
          if (error === undefined) found.push(`${row.id} ended well: ${JSON.stringify(delivery)}`);
          if (broken !== undefined) found.push(`${row.id}: ${broken}`);
        }
        return found;
      });
      const cuts = streams.flatMap((row) => cutsOf(loadCase(row).body, isEndMark)).length;
      say(`cut ${streams.length} ${label} streams in ${cuts} ways, ${wrong.length} went wrong`);
      expect(wrong).toEqual([]);
    });
  });

  describe(`recorded ${label} streams that are cut at every byte`, () => {
    if (rows.length === 0) {
      testWithoutRecordings(`${label} streams`);
      return;
    }

    // Mutant seen red: a decoder that takes the end of the body for the end of the answer.
    test("never end well before their end mark, whether the connection breaks or the body ends", async () => {
      const shortest = streams
        .filter((row) => eventsOf(loadCase(row).body, isEndMark).end > 1)
        .toSorted((one, other) => loadCase(one).body.length - loadCase(other).body.length)
        .slice(0, SHORTEST);
      const replay = await startReplay(shortest, sendOf, 60_000);
      let cuts = 0;
      try {
        const wrong = await gather(shortest, async (row) => {
          const found: string[] = [];
          const end = endOf(loadCase(row).body, isEndMark);
          for (let bytes = 0; bytes < end; bytes += 1) {
            cuts += 1;
            const { error, broken } = await replay.play(row, {
              kind: "cut-after-bytes",
              bytes,
              clean: bytes % 2 === 0,
            });
            if (error === undefined || broken !== undefined) found.push(`${row.id} at byte ${bytes}: ${broken}`);
          }
          return found;
        });
        say(
          `cut ${shortest.length} of ${streams.length} ${label} streams at ${cuts} bytes, ${wrong.length} went wrong`,
        );
        expect(wrong).toEqual([]);
      } finally {
        await replay.close();
      }
    });
  });

  describe(`recorded ${label} streams that stall`, () => {
    if (rows.length === 0) {
      testWithoutRecordings(`${label} streams`);
      return;
    }

    // Mutant seen red: no limit on the provider's silence.
    test("end as stalled, with what was said and used so far", async () => {
      const replay = await startReplay(streams, sendOf, stallMs);
      try {
        const wrong = await gather(streams, async (row) => {
          const { error } = await replay.play(row, stallOf(loadCase(row).body, isEndMark));
          return error?.reason === "UPSTREAM_STALLED" ? [] : [`${row.id}: ${error?.reason ?? "ended well"}`];
        });
        say(`stalled ${streams.length} ${label} streams, ${wrong.length} ended otherwise`);
        expect(wrong).toEqual([]);
      } finally {
        await replay.close();
      }
    });
  });
}

/** The number of events that carry data, and the place of the first that holds the end mark; -1 if none does. */
function eventsOf(body: Uint8Array, isEndMark: (event: string) => boolean): { count: number; end: number } {
  const events = splitEvents(body).filter(({ isEvent }) => isEvent);
  const end = events.findIndex(({ bytes }) => isEndMark(Buffer.from(bytes).toString("utf8")));
  return { count: events.length, end };
}

/** Offset of the last byte that the event with the end mark needs. */
function endOf(body: Uint8Array, isEndMark: (event: string) => boolean): number {
  let offset = 0;
  for (const { bytes } of splitEvents(body)) {
    const text = Buffer.from(bytes).toString("utf8");
    if (isEndMark(text)) return offset + Buffer.byteLength(text.trimEnd()) - 1;
    offset += bytes.length;
  }
  return offset;
}

/**
 * The connection breaks at the beginning, in the middle, and before the last event; or the body ends faultlessly, but before the event with the
 * end mark.
 */
function cutsOf(body: Uint8Array, isEndMark: (event: string) => boolean): Delivery[] {
  const { count, end } = eventsOf(body, isEndMark);
  const places = (last: number): number[] =>
    [...new Set([0, 1, Math.floor(last / 2), last])].filter((at) => at <= last);
  return [
    ...places(count - 1).map((events): Delivery => ({ kind: "cut-after-events", events })),
    ...places(end).map((events): Delivery => ({ kind: "cut-after-events", events, clean: true })),
  ];
}

/** Silence in the middle, at the latest before the end mark. */
function stallOf(body: Uint8Array, isEndMark: (event: string) => boolean): Delivery {
  const { count, end } = eventsOf(body, isEndMark);
  const middle = Math.floor(count / 2);
  return { kind: "stall-after-events", events: end === -1 ? middle : Math.min(middle, end) };
}

/** What a row came to that it should not have: an answer is compared with `expected.json`, a failure with its row of the error table. */
function exchangeProblems(row: RecordingRow, { events, error, broken }: Replayed, wire: RecordedWire): string[] {
  const failure = wire.failures.find(({ dir }) => dir === caseDir(row));
  if (failure !== undefined) {
    // Once content was sent every failure of a provider is ABORTED.
    const partial = events.some(isContent);
    const wanted = [failure.reason, partial ? "ABORTED" : failure.code].join(" ");
    const got = error === undefined ? "a success" : [error.reason, error.code].join(" ");
    return [...(got === wanted ? [] : [`got ${got}, wanted ${wanted}`]), ...(broken === undefined ? [] : [broken])];
  }
  if (error !== undefined) return [`${error.reason} ${error.message}`];
  const exception = wire.exceptions.find(({ dir }) => dir === caseDir(row));
  const found = differences(outcomeOf(events), loadRecorded(wire, row).expected, wire.figures);
  const others = found.filter((line) => exception === undefined || !line.startsWith(exception.field));
  return [...(broken === undefined ? [] : [broken]), ...others];
}
