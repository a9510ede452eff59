import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { isContent } from "../../../src/contract/events.ts";
import type { Usage } from "../../../src/gen/execution/v1/usage_pb.js";
import type { Delivery, JsonValue } from "../../emulators/exchange.ts";
import { splitEvents } from "../../emulators/split.ts";
import { differences, outcomeOf, type UsageFigures } from "../../support/compare-chat.ts";
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
  /** The usage object that the first events of a stream come to; undefined if none of them has one. */
  readonly usageOf: (events: readonly JsonValue[]) => JsonValue | undefined;
}

const lossless: readonly Delivery[] = [
  { kind: "whole" },
  { kind: "event-per-write" },
  { kind: "byte-per-write" },
  { kind: "random-splits" },
];

/** How many streams are cut at every byte: the shortest, and the shortest of those that say what they used before their end mark. */
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

    // Mutants seen red: a decoder that takes the end of the body for the end of the answer; a usage that counts once it is final only; the usage that
    // came last held back when an answer fails.
    test("never end well before their end mark, whether the connection breaks or the body ends, and say what was used until then", async () => {
      const cutRows = rowsToCut(streams, wire);
      const replay = await startReplay(cutRows, sendOf, 60_000);
      let cuts = 0;
      let used = 0;
      try {
        const wrong = await gather(cutRows, async (row) => {
          const found: string[] = [];
          const { body } = loadCase(row);
          const end = endOf(body, isEndMark);
          const usages = usagesOf(body, wire);
          for (let bytes = 0; bytes < end; bytes += 1) {
            cuts += 1;
            const { error, broken } = await replay.play(row, {
              kind: "cut-after-bytes",
              bytes,
              clean: bytes % 2 === 0,
            });
            if (error === undefined || broken !== undefined) found.push(`${row.id} at byte ${bytes}: ${broken}`);
            const reported = usages.findLast(({ behind }) => behind <= bytes)?.reported;
            if (reported === undefined) continue;
            used += 1;
            const missing = usageMissing(error?.usage, wire.figures(reported));
            found.push(...missing.map((each) => `${row.id} at byte ${bytes}: ${each}`));
          }
          return found;
        });
        say(
          `cut ${cutRows.length} of ${streams.length} ${label} streams at ${cuts} bytes, ${used} of them behind a usage, ${wrong.length} went wrong`,
        );
        expect(wrong).toEqual([]);
        expect(used).toBeGreaterThan(0);
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

/** What of a reported usage is not in the one of an error. Output that was streamed after it was reported is estimated: it may be more. */
function usageMissing(used: Usage | undefined, figures: UsageFigures): string[] {
  return (Object.entries(figures) as [keyof UsageFigures, number | null][]).flatMap(([bucket, reported]) => {
    const got = used?.[bucket] ?? null;
    const isThere = bucket.startsWith("output") ? (got ?? 0) >= (reported ?? 0) : got === reported;
    return isThere ? [] : [`${bucket} is ${got}, and ${reported} was reported`];
  });
}

/** The streams that are cut at every byte. */
function rowsToCut(streams: readonly RecordingRow[], wire: ExchangesUnderTest): RecordingRow[] {
  const sorted = streams
    .filter((row) => eventsOf(loadCase(row).body, wire.isEndMark).end > 1)
    .toSorted((one, other) => loadCase(one).body.length - loadCase(other).body.length);
  const saying = sorted.filter((row) => usagesOf(loadCase(row).body, wire).length > 0);
  return [...new Set([...sorted.slice(0, SHORTEST), ...saying.slice(0, SHORTEST)])];
}

/** What the provider has said of usage before the end mark, and the offset behind the event that said it. */
function usagesOf(body: Uint8Array, { isEndMark, usageOf }: ExchangesUnderTest) {
  const usages: { readonly behind: number; readonly reported: JsonValue }[] = [];
  const events: JsonValue[] = [];
  let behind = 0;
  for (const { bytes, isEvent } of splitEvents(body)) {
    const text = Buffer.from(bytes).toString("utf8");
    if (isEndMark(text)) break;
    behind += bytes.length;
    if (!isEvent) continue;
    events.push(JSON.parse(dataOf(text)) as JsonValue);
    const reported = usageOf(events);
    if (reported !== undefined) usages.push({ behind, reported });
  }
  return usages;
}

/** The JSON of an event: its `data` fields, or an element of an array without what stands before it. */
function dataOf(event: string): string {
  if (/^[\s,[]*\{/.test(event)) return event.replace(/^[\s,[]+/, "");
  return event
    .split(/\r\n|\r|\n/)
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice("data:".length))
    .join("\n");
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
