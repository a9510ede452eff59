import { describe, expect, test } from "@jest/globals";
import type { ChatEvent } from "../../../src/contract/events.ts";
import { fold } from "../../../src/contract/fold.ts";
import type { JsonValue } from "../../emulators/exchange.ts";
import { decodeChunks, delta, stop } from "./decode.ts";

function values(chunks: readonly JsonValue[], name: ChatEvent["event"]["case"]): readonly unknown[] {
  return decodeChunks([...chunks, stop()]).events.flatMap(({ event }) => (event.case === name ? [event.value] : []));
}

describe("citations", () => {
  test("are read from annotations, before the text they belong to or after", () => {
    const annotation = {
      type: "url_citation",
      url_citation: { url: "https://a.example", title: "A", content: "said", start_index: 0, end_index: 4 },
    };
    const found = values([delta({ content: "", annotations: [annotation] }), delta({ content: "said" })], "citation");
    expect(found).toEqual([
      expect.objectContaining({
        part: 0,
        citation: expect.objectContaining({
          url: "https://a.example",
          title: "A",
          citedText: "said",
          startIndex: 0,
          endIndex: 4,
          rawJson: "",
        }),
      }),
    ]);
    const [message] = fold(decodeChunks([delta({ content: "said", annotations: [annotation] }), stop()]).events);
    expect(message?.parts[0]?.kind).toMatchObject({
      case: "text",
      value: { text: "said", citations: [{ title: "A" }] },
    });
  });

  test("of files keep what the fields do not hold", () => {
    const annotation = { type: "file", file: { name: "a.pdf", hash: "h", content: [{ type: "text", text: "x" }] } };
    expect(values([delta({ content: "a", annotations: [annotation] })], "citation")).toEqual([
      expect.objectContaining({
        citation: expect.objectContaining({ title: "a.pdf", sourceId: "h", rawJson: JSON.stringify(annotation) }),
      }),
    ]);
  });

  test("that every chunk lists again come once (mutant: read the list of each chunk)", () => {
    const listed = (count: number) => ({ citations: ["https://a.example", "https://b.example"].slice(0, count) });
    const urls = values(
      [delta({ content: "a" }, listed(1)), delta({ content: "b" }, listed(1)), delta({ content: "c" }, listed(2))],
      "citation",
    );
    expect(urls).toMatchObject([
      { citation: { url: "https://a.example" } },
      { citation: { url: "https://b.example" } },
    ]);
  });

  test("with a title and a snippet win over bare URLs (Perplexity)", () => {
    const found = { url: "https://a.example", title: "A", snippet: "said", date: "2026-01-01" };
    expect(
      values([delta({ content: "a" }, { citations: ["https://a.example"], search_results: [found] })], "citation"),
    ).toMatchObject([{ citation: { title: "A", citedText: "said", rawJson: JSON.stringify(found) } }]);
  });
});

describe("pictures", () => {
  test("are bytes or a URL, each a part of its own; junk takes no number", () => {
    const png = { type: "image_url", image_url: { url: "data:image/png;base64,AAEC" } };
    const images = [null, { image_url: {} }, png, { image_url: { url: "https://a.example/x.png" } }];
    expect(values([delta({ content: "a", images })], "image")).toMatchObject([
      { part: 1, image: { source: { case: "data", value: Buffer.from([0, 1, 2]) }, mimeType: "image/png" } },
      { part: 2, image: { source: { case: "url", value: "https://a.example/x.png" }, mimeType: "" } },
    ]);
    expect(values([delta({ content: [png] })], "image")).toHaveLength(1);
  });
});

describe("sound", () => {
  test("is joined from base64 and transcript cut anywhere (mutant: decode each piece by itself)", () => {
    const bytes = Buffer.from(Array.from({ length: 20 }, (_, index) => index));
    const base64 = bytes.toString("base64");
    const pieces = [base64.slice(0, 5), base64.slice(5, 6), base64.slice(6)];
    const chunks = [
      delta({ audio: { id: "audio_1" } }),
      ...pieces.map((data) => delta({ audio: { data } })),
      delta({ audio: { transcript: "a\ud83d" } }),
      delta({ audio: { transcript: "\ude42" } }),
      delta({ audio: { expires_at: 1 } }),
    ];
    const found = values(chunks, "audio") as readonly {
      data: Uint8Array;
      transcript: string;
      providerId: string;
      part: number;
    }[];
    expect(Buffer.concat(found.map(({ data }) => data))).toEqual(bytes);
    expect(found.map(({ transcript }) => transcript).join("")).toBe("a🙂");
    expect(found.map(({ providerId }) => providerId).filter(Boolean)).toEqual(["audio_1"]);
    expect(new Set(found.map(({ part }) => part))).toEqual(new Set([0]));
  });
});

describe("log probabilities", () => {
  test("follow their text, bytes and alternatives included", () => {
    const token = { token: "a", logprob: -0.5, bytes: [97] };
    const chunk = {
      choices: [
        {
          index: 0,
          delta: { content: "a" },
          logprobs: {
            content: [{ ...token, top_logprobs: [token, { token: "b", logprob: -2, bytes: null }] }],
            refusal: null,
          },
        },
      ],
    };
    expect(values([chunk], "logprobs")).toMatchObject([
      {
        step: 2,
        part: 0,
        tokens: [
          {
            token: "a",
            logprob: -0.5,
            bytes: Uint8Array.of(97),
            top: [{ token: "a" }, { token: "b", bytes: new Uint8Array() }],
          },
        ],
      },
    ]);
  });
});
