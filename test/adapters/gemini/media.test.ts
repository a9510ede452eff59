import { describe, expect, test } from "@jest/globals";
import { summary } from "../shared/summary.ts";
import { candidate, chunk, decodeChunks, decodeParts, finish } from "./decode.ts";

describe("pictures and sound", () => {
  test("are parts of their own, sound in pieces of one part", () => {
    const sound = (data: string) => ({ inlineData: { mimeType: "audio/L16;rate=24000", data } });
    const { events } = decodeParts([
      { inlineData: { mimeType: "image/png", data: "AQI=" }, thoughtSignature: "c2ln" },
      sound("AQ=="),
      sound("Ag=="),
      { text: "a" },
      sound("Aw=="),
    ]);
    expect(
      events.map(({ event }) => [event.case, event.value && "part" in event.value ? event.value.part : -1]),
    ).toEqual([
      ["image", 0],
      ["providerState", 0],
      ["audio", 1],
      ["audio", 1],
      ["textDelta", 2],
      ["audio", 3],
      ["finished", -1],
    ]);
    expect(events[0]).toMatchObject({
      event: { value: { image: { mimeType: "image/png", source: { case: "data", value: Buffer.from([1, 2]) } } } },
    });
  });

  test("among the thoughts, and of other kinds, are state alone", () => {
    const picture = { inlineData: { mimeType: "image/png", data: "AQI=" }, thought: true };
    const film = { inlineData: { mimeType: "video/mp4", data: "AQI=" } };
    const other = { fileData: { fileUri: "gs://a/b", mimeType: "image/png" } };
    expect(summary(decodeParts([picture, film, other, { somethingNew: {} }]).events)).toEqual([
      `state 0 gemini part ${JSON.stringify(picture)}`,
      `state 1 gemini part ${JSON.stringify(film)}`,
      `state 2 gemini part ${JSON.stringify(other)}`,
      'state 3 gemini part {"somethingNew":{}}',
      "finished STOP",
    ]);
  });
});

describe("sources", () => {
  const web = (uri: string, title: string) => ({ web: { uri, title } });
  const citations = (...candidates: Parameters<typeof candidate>[0][]) => {
    const { events } = decodeChunks([chunk({ text: "Sunny." }), ...candidates.map(candidate), finish()]);
    return events.flatMap(({ event }) => (event.case === "citation" ? [event.value] : []));
  };

  test("are the passages and the chunks they rest on, then the chunks that no passage names", () => {
    const groundingSupports = [
      { segment: { endIndex: 6, text: "Sunny." }, groundingChunkIndices: [0, 1, 9] },
      { segment: { startIndex: 7, endIndex: 9 }, groundingChunkIndices: [1] },
    ];
    const groundingChunks = [web("https://a", "A"), web("https://b", "B"), web("https://c", "C")];
    const found = citations({ groundingMetadata: { groundingChunks, groundingSupports } });
    expect(found.map(({ part, citation }) => [part, citation?.url, citation?.startIndex, citation?.endIndex])).toEqual([
      [0, "https://a", 0, 6],
      [0, "https://b", 0, 6],
      [0, "https://b", 7, 9],
      [0, "https://c", undefined, undefined],
    ]);
    expect(JSON.parse(found[0]?.citation?.rawJson ?? "")).toEqual({
      groundingSupport: groundingSupports[0],
      groundingChunk: groundingChunks[0],
    });
  });

  test("are told once, however often they come (mutant: tell those of each chunk)", () => {
    const grounding = { groundingMetadata: { groundingChunks: [web("https://a", "A")] } };
    expect(citations(grounding, grounding)).toHaveLength(1);
  });

  test("are those of both surfaces and the pages that were read", () => {
    const found = citations({
      citationMetadata: {
        citationSources: [{ startIndex: 1, endIndex: 3, uri: "https://a", license: "MIT" }],
        citations: [{ endIndex: 2, title: "B" }],
      },
      urlContextMetadata: {
        urlMetadata: [{ retrievedUrl: "https://c", urlRetrievalStatus: "URL_RETRIEVAL_STATUS_ERROR" }],
      },
    });
    expect(found.map(({ citation }) => [citation?.url, citation?.title, citation?.rawJson])).toEqual([
      ["https://a", "", '{"startIndex":1,"endIndex":3,"uri":"https://a","license":"MIT"}'],
      ["", "B", '{"endIndex":2,"title":"B"}'],
      ["https://c", "", '{"retrievedUrl":"https://c","urlRetrievalStatus":"URL_RETRIEVAL_STATUS_ERROR"}'],
    ]);
  });

  test("without a text make an empty one, which goes on", () => {
    const { events } = decodeChunks([
      candidate({ citationMetadata: { citations: [{ uri: "https://a" }] } }),
      chunk({ text: "a" }),
      finish(),
    ]);
    expect(summary(events)).toEqual(["citation", "text 0 a", "finished STOP"]);
  });

  test("count the searches that were made", () => {
    const grounding = (...webSearchQueries: string[]) => candidate({ groundingMetadata: { webSearchQueries } });
    const usageMetadata = { promptTokenCount: 1, totalTokenCount: 1 };
    const { events } = decodeChunks([grounding("a", "b"), grounding("b", "c"), { ...finish(), usageMetadata }]);
    expect(events.at(-2)).toMatchObject({
      event: { value: { usage: { extras: [{ name: "web_search_queries", quantity: 3 }] } } },
    });
  });
});

describe("log probabilities", () => {
  test("belong to the text, each token with its alternatives", () => {
    const logprobsResult = {
      chosenCandidates: [{ token: "Sun", logProbability: -0.5, tokenId: 3 }, { token: "ny" }],
      topCandidates: [
        {
          candidates: [
            { token: "Sun", logProbability: -0.5 },
            { token: "Rain", logProbability: -2 },
          ],
        },
      ],
    };
    const { events } = decodeChunks([candidate({ content: { parts: [{ text: "Sunny" }] }, logprobsResult }), finish()]);
    expect(events[1]).toMatchObject({
      event: {
        case: "logprobs",
        value: {
          part: 0,
          tokens: [
            { token: "Sun", logprob: -0.5, top: [{ token: "Sun" }, { token: "Rain", logprob: -2 }] },
            { token: "ny", logprob: 0, top: [] },
          ],
        },
      },
    });
  });
});
