import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createSseDecoder } from "../../src/adapters/sse.ts";

type Event = readonly [data: string, name: string];

function decode(reads: readonly (Uint8Array | string)[], maxEventBytes = 1024): Event[] {
  const decoder = createSseDecoder({ maxEventBytes });
  const events: Event[] = [];
  const sink = (data: string, name: string): void => {
    events.push([data, name]);
  };
  for (const read of reads) decoder.push(typeof read === "string" ? Buffer.from(read) : read, sink);
  decoder.end(sink);
  return events;
}

describe("the decoder of event streams", () => {
  test.each([
    ["line feeds", "data: a\n\ndata: b\n\n"],
    ["carriage returns and line feeds", "data: a\r\n\r\ndata: b\r\n\r\n"],
    ["carriage returns", "data: a\r\rdata: b\r\r"],
    ["no space after the colon", "data:a\n\ndata:b\n\n"],
    ["a byte order mark", "\ufeffdata: a\n\ndata: b\n\n"],
    ["comments, ids, retries and unknown fields", ": hello\n\nid: 1\nretry: 5\nfoo: x\ndata: a\n\n:\ndata: b\n\n"],
    ["no blank line at the end", "data: a\n\ndata: b\n"],
    ["no line end at the end", "data: a\n\ndata: b"],
  ])("reads a stream with %s", (_, stream) => {
    expect(decode([stream])).toEqual([
      ["a", ""],
      ["b", ""],
    ]);
  });

  test("joins the data lines of an event and keeps all but one leading space", () => {
    expect(decode(["data: one\ndata\ndata:  two\n\n"])).toEqual([["one\n\n two", ""]]);
  });

  test("names an event, and only that one", () => {
    expect(decode(["event: error\ndata: x\n\ndata: y\n\nevent: lost\n\ndata: z\n\n"])).toEqual([
      ["x", "error"],
      ["y", ""],
      ["z", ""],
    ]);
  });

  test("does not take the line feed of a CRLF that was cut in two for a blank line", () => {
    expect(decode(["data: a\r", "\ndata: b\r", "\n\r", "\n"])).toEqual([["a\nb", ""]]);
  });

  test("reads any split of a stream like the whole (mutant: decode each read before splitting it into lines)", () => {
    const line = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => `data: ${text.replace(/[\r\n]/g, "")}`),
      fc.constantFrom("", ": comment", "event: x", "data", "data: héllo 👩‍💻 日本"),
    );
    const stream = fc
      .array(fc.tuple(line, fc.constantFrom("\n", "\r\n", "\r")), { maxLength: 20 })
      .map((lines) => Buffer.from(lines.flat().join("")));
    fc.assert(
      fc.property(stream, fc.array(fc.nat(400)), (bytes, cuts) => {
        const edges = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const reads = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
        expect(decode(reads)).toEqual(decode([bytes]));
        expect(decode([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(decode([bytes]));
      }),
    );
  });

  test.each([
    ["in one line that does not end", [`data: ${"x".repeat(60)}`, "x".repeat(60)]],
    ["in one line", [`data: ${"x".repeat(120)}\n\n`]],
    ["in many lines", Array.from({ length: 20 }, () => "data: 123456789\n")],
    ["in fields without data", ["x".repeat(60), "x".repeat(60)]],
  ])("refuses an event that is too large %s", (_, reads) => {
    expect(() => decode(reads, 100)).toThrow(expect.objectContaining({ reason: "PROVIDER_PROTOCOL" }));
  });

  test("a stream may be longer than an event (mutant: count the bytes of the stream)", () => {
    expect(
      decode(
        Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? "data: some" : " text\n\n")),
        100,
      ),
    ).toHaveLength(100);
  });

  test("reads broken UTF-8 as replacement characters and goes on", () => {
    expect(decode([Uint8Array.from([...Buffer.from("data: a"), 0xff, ...Buffer.from("b\n\ndata: c\n\n")])])).toEqual([
      ["a\ufffdb", ""],
      ["c", ""],
    ]);
  });
});
