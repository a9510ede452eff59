import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { textDelta, warning } from "../../../src/contract/events.ts";
import { encodeFrames, framesOf } from "../../../src/contract/frames.ts";
import { ExecutionError } from "../../../src/errors.ts";
import { type ChatResponse, ChatResponseSchema } from "../../../src/gen/execution/v1/chat_pb.js";
import { EventLog, LOG_OVERHEAD_BYTES } from "../../../src/router/streams/log.ts";

const unbounded = { maxBytes: Number.POSITIVE_INFINITY, onHeld: () => undefined };
const how = { attempts: [], endedAtMs: 0 };

/** Numbered events, of which every third is not a delta. */
function events(first: number, texts: readonly string[]): ChatResponse[] {
  return texts.map((text, index) => {
    const event = index % 3 === 2 ? warning("CODE", "field", text) : textDelta({ step: 0, part: 1 }, text);
    event.sequence = first + index;
    return event;
  });
}

const bytesOf = (each: readonly ChatResponse[]): string[] =>
  each.map((event) => Buffer.from(toBinary(ChatResponseSchema, event)).toString("hex"));

/** All there is after a number, or undefined where it fell off. */
function readAll(log: EventLog, after: number): ChatResponse[] | undefined {
  const all: ChatResponse[] = [];
  for (let cursor = after; cursor < log.lastSequence; cursor = all.at(-1)?.sequence ?? Number.NaN) {
    const some = log.read(cursor);
    if (some === undefined || some.length === 0) return undefined;
    all.push(...some);
  }
  return all;
}

/** The log ends where all events do, and gives what its first event says is left. */
function expectModel(log: EventLog, all: readonly ChatResponse[]): void {
  const { firstSequence } = log;
  expect(log.lastSequence).toBe(all.length);
  const numbers = [0, firstSequence - 2, firstSequence - 1, firstSequence, all.length - 1, all.length];
  for (const after of numbers.filter((number) => number >= 0 && number <= all.length)) {
    const read = readAll(log, after);
    const expected = after + 1 >= firstSequence ? bytesOf(all.slice(after)) : undefined;
    expect(read === undefined ? undefined : bytesOf(read)).toEqual(expected);
  }
}

/** What is done to a log: some events appended, as objects or as frames; the oldest forgotten. */
type Step = { readonly append: readonly string[]; readonly frames: boolean } | { readonly shrink: number };

const steps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        append: fc.array(
          fc.oneof(fc.string({ unit: "grapheme", maxLength: 60 }), fc.string({ minLength: 500, maxLength: 5000 })),
          { minLength: 1, maxLength: 12 },
        ),
        frames: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ shrink: fc.nat(100_000) }) },
  ),
  { maxLength: 60 },
);

describe("a log", () => {
  // The model is an array of all events and the number of the oldest that is left. Mutants seen red: a block found by `last >= after`; a block
  // whose `first` is the last event before it; a read that begins behind the wanted events.
  test("gives the events after any number as they were appended, or says that they fell off", () => {
    fc.assert(
      fc.property(steps, (script: readonly Step[]) => {
        let held = 0;
        const log = new EventLog({
          ...unbounded,
          onHeld: (bytes) => {
            held += bytes;
          },
        });
        const all: ChatResponse[] = [];
        for (const step of script) {
          if ("shrink" in step) log.shrink(step.shrink);
          else {
            const some = events(all.length + 1, step.append);
            if (step.frames)
              log.appendFrames({
                bytes: encodeFrames(ChatResponseSchema, some),
                first: all.length + 1,
                last: all.length + some.length,
              });
            else log.append(some);
            all.push(...some);
          }
          expect(held).toBe(log.heldBytes);
          expectModel(log, all);
        }
      }),
      { numRuns: 150 },
    );
  });

  // Mutant seen red: bytes counted, the oldest not forgotten.
  test("keeps within its bound, whatever the size of an event, and forgets the oldest first", () => {
    const maxBytes = 40_000;
    const log = new EventLog({ ...unbounded, maxBytes });
    for (let sequence = 1; sequence <= 500; sequence += 1) {
      log.append(events(sequence, ["x".repeat((sequence * 37) % 3000)]));
      expect(log.heldBytes).toBeLessThanOrEqual(maxBytes);
    }
    expect(log.firstSequence).toBeGreaterThan(1);
    expect(readAll(log, log.firstSequence - 1)?.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 501 - log.firstSequence }, (_, index) => log.firstSequence + index),
    );
    log.append(events(501, ["x".repeat(100_000)]));
    expect(log.heldBytes).toBe(LOG_OVERHEAD_BYTES);
    expect([log.lastSequence, log.firstSequence, log.read(500)]).toEqual([501, 502, undefined]);
  });

  // Mutants seen red: listeners not told; frames that are not those of the events.
  test("tells listeners the events themselves, with the frames a wire of gRPC sends", () => {
    const log = new EventLog(unbounded);
    const told: { readonly some: readonly ChatResponse[]; readonly first: number; readonly frames: string }[] = [];
    const listener = {
      onEvents: (some: readonly ChatResponse[], first: number) => {
        told.push({ some, first, frames: Buffer.from(framesOf(some) ?? []).toString("hex") });
      },
      onEnd: () => undefined,
    };
    const [before, heard, after] = [events(1, ["a"]), events(2, ["b", "c", "d"]), events(5, ["e"])];
    log.append(before);
    log.listen(listener);
    log.append(heard);
    log.unlisten(listener);
    log.append(after);
    expect(told).toEqual([{ some: heard, first: 2, frames: encodeFrames(ChatResponseSchema, heard).toString("hex") }]);
    expect(told[0]?.some).toBe(heard);
  });

  test("that begins later knows nothing of what was before", () => {
    const log = new EventLog(unbounded, 7);
    expect([log.firstSequence, log.lastSequence, log.read(6), log.read(3)]).toEqual([7, 6, [], undefined]);
    log.append(events(7, ["a"]));
    expect(log.read(6)).toHaveLength(1);
  });

  // Mutant seen red: frames that it has already appended again.
  test("takes of frames what it does not have, and begins anew behind a gap", () => {
    const log = new EventLog(unbounded);
    const some = events(1, ["a", "b", "c", "d"]);
    const frames = (from: number, to: number) => ({
      bytes: encodeFrames(ChatResponseSchema, some.slice(from - 1, to)),
      first: from,
      last: to,
    });
    log.appendFrames(frames(1, 2));
    log.appendFrames(frames(1, 2));
    log.appendFrames(frames(2, 3));
    expect(bytesOf(log.read(0) ?? [])).toEqual(bytesOf(some.slice(0, 3)));
    const gap = events(9, ["i"]);
    log.appendFrames({ bytes: encodeFrames(ChatResponseSchema, gap), first: 9, last: 9 });
    expect([log.firstSequence, log.lastSequence, log.read(3), log.read(7)]).toEqual([9, 9, undefined, undefined]);
    expect(bytesOf(log.read(8) ?? [])).toEqual(bytesOf(gap));
  });

  test("says that and how its stream ended", () => {
    const log = new EventLog(unbounded);
    let ends = 0;
    log.listen({
      onEvents: () => undefined,
      onEnd: () => {
        ends += 1;
      },
    });
    expect(log.ended).toBeUndefined();
    log.end(how);
    expect([log.ended, ends]).toEqual([how, 1]);
  });
});

// Mutant seen red: the last event of a failed stream, be it a picture, kept with each of the ten thousand streams that are known.
test("what is left of a log is the end of a stream that finished, and nothing of one that failed", () => {
  const picture = "x".repeat(1_000_000);
  for (const failed of [true, false]) {
    const log = new EventLog(unbounded);
    log.append(events(1, ["a", picture]));
    log.shrink(0);
    log.end(failed ? { endedAtMs: 0, error: new ExecutionError("CANCELLED", "left") } : { endedAtMs: 0 });
    expect(log.last()?.sequence).toBe(failed ? undefined : 2);
  }
});

/** Bytes in array buffers, once garbage is collected. */
function bufferBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let pass = 0; pass < 2; pass += 1) collect();
  return process.memoryUsage().arrayBuffers;
}

// Mutant seen red: the frame in Node's pool of small buffers, all of which it then keeps.
test("a log of which only the last event is left keeps no memory but for that", () => {
  const before = bufferBytes();
  const logs = Array.from({ length: 4000 }, () => {
    const log = new EventLog(unbounded);
    log.append(events(1, ["a few words"]));
    log.end(how);
    log.shrink(0);
    // What else is made of small buffers meanwhile, and soon gone.
    for (let count = 0; count < 4; count += 1) Buffer.from("x".repeat(2000));
    return log;
  });
  expect((bufferBytes() - before) / logs.length).toBeLessThan(500);
  expect(logs.every((log) => log.last() !== undefined)).toBe(true);
});
