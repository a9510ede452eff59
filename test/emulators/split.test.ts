import { describe, expect, test } from "@jest/globals";
import { fixtureNames, loadFixture } from "../support/recordings.ts";
import { createRandom, runSeed } from "./random.ts";
import { awkwardOffsets, firstEvents, splitEvents, splitRandomly } from "./split.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (piece: Uint8Array) => new TextDecoder().decode(piece);

describe("splitting a stream into events", () => {
  test.each([
    ["line feeds", "data: a\n\ndata: b\n\n", ["data: a\n\n", "data: b\n\n"]],
    ["CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", ["data: a\r\n\r\n", "data: b\r\n\r\n"]],
    ["carriage returns", "data: a\r\rdata: b\r\r", ["data: a\r\r", "data: b\r\r"]],
    ["mixed line ends", "data: a\r\n\ndata: b\n\r\n", ["data: a\r\n\n", "data: b\n\r\n"]],
    ["several lines an event", "event: x\ndata: a\ndata: b\n\n", ["event: x\ndata: a\ndata: b\n\n"]],
    ["an unfinished last event", "data: a\n\ndata: b", ["data: a\n\n", "data: b"]],
    ["a whole JSON body", '{\n  "a": 1\n}\n', ['{\n  "a": 1\n}\n']],
    ["nothing", "", []],
  ])("ends them at blank lines: %s", (_name, body, expected) => {
    expect(splitEvents(bytes(body)).map((segment) => text(segment.bytes))).toEqual(expected);
  });

  test.each([
    ["one a line", '[{"a": 1}\n,\n{"b": [2]}\n]\n', ['[{"a": 1}', '\n,\n{"b": [2]}'], "\n]\n"],
    ["brackets in texts", '[{"a":"}]\\\\\\""},{"b":"{"}]', ['[{"a":"}]\\\\\\""}', ',{"b":"{"}'], "]"],
    ["blanks before it", ' \n[{"a":1}]', [' \n[{"a":1}'], "]"],
    ["an unfinished last one", '[{"a":1},{"b"', ['[{"a":1}'], ',{"b"'],
    ["none", "[]", [], "[]"],
  ])("ends them behind the elements of a JSON array: %s", (_name, body, events, rest) => {
    const segments = splitEvents(bytes(body));
    expect(segments.filter(({ isEvent }) => isEvent).map((segment) => text(segment.bytes))).toEqual(events);
    expect(text(Buffer.concat(segments.map((segment) => segment.bytes)))).toBe(body);
    expect(text(segments.at(-1)?.bytes ?? bytes(""))).toBe(rest);
  });

  test("tells events from comments and from fields that carry no data", () => {
    const body = ": ping\n\ndata: a\n\nevent: x\nid: 1\n\nevent: y\ndata\n\ndatabase: no\n\ndata:b\n\n\n";
    const flags = splitEvents(bytes(body)).map((segment) => segment.isEvent);
    expect(flags).toEqual([false, true, false, true, false, true, false]);
  });

  test("counts only events when asked for the first ones, and keeps the comments before them", () => {
    const body = bytes(": ping\n\ndata: a\n\n: ping\n\ndata: b\n\ndata: c\n\n");
    expect(text(Buffer.concat(firstEvents(body, 0)))).toBe("");
    expect(text(Buffer.concat(firstEvents(body, 2)))).toBe(": ping\n\ndata: a\n\n: ping\n\ndata: b\n\n");
    expect(Buffer.concat(firstEvents(body, 9)).equals(body)).toBe(true);
  });

  test.each(fixtureNames)("loses no byte of %s and finds the events its case counts", (name) => {
    const { body, row } = loadFixture(name);
    const segments = splitEvents(body);
    expect(Buffer.concat(segments.map((segment) => segment.bytes)).equals(body)).toBe(true);
    if (row.stream) expect(segments.filter((segment) => segment.isEvent)).toHaveLength(row.events ?? -1);
  });
});

describe("splitting at random", () => {
  const seed = runSeed();

  test.each(fixtureNames)("loses no byte of %s", (name) => {
    const { body } = loadFixture(name);
    const pieces = splitRandomly(body, createRandom(seed));
    expect({ seed, equal: Buffer.concat(pieces).equals(body) }).toEqual({ seed, equal: true });
    expect(pieces.every((piece) => piece.length > 0)).toBe(true);
  });

  test("always cuts inside a character, a CRLF and a blank line where there is one", () => {
    const body = bytes("data: é\r\n\r\n");
    const { characters, lineEnds, blankLines } = awkwardOffsets(body);
    expect([characters, lineEnds, blankLines]).toEqual([[7], [9, 11], [10]]);
    for (let round = 0; round < 200; round += 1) {
      const cuts = new Set<number>();
      let offset = 0;
      for (const piece of splitRandomly(body, createRandom(seed + round))) {
        offset += piece.length;
        cuts.add(offset);
      }
      const hits = [characters, lineEnds, blankLines].map((offsets) => offsets.some((awkward) => cuts.has(awkward)));
      expect({ seed: seed + round, hits }).toEqual({ seed: seed + round, hits: [true, true, true] });
    }
  });

  test("repeats itself for the same seed and differs for another", () => {
    const { body } = loadFixture("text-unicode");
    const lengths = (start: number) => splitRandomly(body, createRandom(start)).map((piece) => piece.length);
    expect(lengths(7)).toEqual(lengths(7));
    expect(lengths(7)).not.toEqual(lengths(8));
  });
});
