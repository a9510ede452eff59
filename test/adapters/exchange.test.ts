import { describe, expect, test } from "@jest/globals";
import { type AnswerDecoder, createExchanges, truncated } from "../../src/adapters/exchange.ts";
import type { HttpResponse } from "../../src/adapters/http.ts";
import { type ChatEvent, textDelta, warning } from "../../src/contract/events.ts";
import { ExecutionError } from "../../src/errors.ts";
import { type MemoryResponseOptions, memoryResponse } from "../support/memory-response.ts";
import { openly } from "./shared/openly.ts";

const place = { step: 0, part: 0 };

/** A decoder whose events are their own text: `END` is the end marker, `FAIL` an error in the stream. */
function createTextDecoder(): AnswerDecoder {
  let ended = false;
  const take = (text: string, out: ChatEvent[]): void => {
    if (text === "FAIL") throw new ExecutionError("PROVIDER_INTERNAL", "it failed");
    if (text === "END") ended = true;
    else out.push(textDelta(place, text));
  };
  return {
    ended: () => ended,
    event: (data, _name, out) => take(data, out),
    document: (text, out) => {
      take(text, out);
      ended = true;
    },
    end: () => {
      throw truncated();
    },
  };
}

const stalled = new ExecutionError("UPSTREAM_STALLED", "silence");
const gone = new ExecutionError("CANCELLED", "gone");

interface Outcome {
  readonly reads: readonly (readonly string[])[];
  readonly error: unknown;
  readonly headers: number;
}

const input = (send: () => Promise<HttpResponse>, onHeaders: () => void = () => undefined) => ({
  provider: "near",
  model: "small",
  prepare: () => ({
    first: [warning("FIELD_IGNORED", "seed", "left out")],
    request: {
      method: "POST" as const,
      url: new URL("http://provider.invalid/"),
      headers: {},
      body: "{}",
      signal: new AbortController().signal,
    },
  }),
  send,
  onHeaders,
  decoder: createTextDecoder(),
  readError: ({ status, body }: { readonly status: number; readonly body: string }) =>
    new ExecutionError("PROVIDER_REJECTED", `${status} ${body}`),
  conceal: openly,
});

const name = ({ event }: ChatEvent): string => (event.case === "textDelta" ? event.value.text : (event.case ?? ""));

async function run(response: HttpResponse, decoder: AnswerDecoder = createTextDecoder()): Promise<Outcome> {
  const reads: string[][] = [];
  let headers = 0;
  const exchanges = createExchanges();
  const events = exchanges.run({
    ...input(
      async () => response,
      () => {
        headers += 1;
      },
    ),
    decoder,
  });
  try {
    for await (const batch of events) reads.push(batch.map(name));
    return { reads, error: undefined, headers };
  } catch (error) {
    return { reads, error, headers };
  } finally {
    await exchanges.settled();
  }
}

async function all(events: AsyncIterable<readonly ChatEvent[]>): Promise<ChatEvent[]> {
  const found: ChatEvent[] = [];
  for await (const batch of events) found.push(...batch);
  return found;
}

const runMemory = (options: MemoryResponseOptions) => run(memoryResponse(options));
const html = { "content-type": "text/html" };
const json = { "content-type": "application/json; charset=utf-8" };

describe("an exchange", () => {
  test("yields what precedes it, then one array a read", async () => {
    const { reads, error, headers } = await runMemory({
      reads: ["data: a\n\ndata: b\n\n", ": nothing\n\n", "data: c\n\ndata: END\n\n"],
    });
    expect(error).toBeUndefined();
    expect(reads).toEqual([["warning"], ["a", "b"], ["c"]]);
    expect(headers).toBe(1);
  });

  test("reads the small rest of a finished answer and then closes (mutant: close at the end marker)", async () => {
    const response = memoryResponse({ reads: ["data: END\n\n", "rest", "rest"] });
    const { reads } = await run(response);
    expect(reads).toEqual([["warning"]]);
    expect(response.readsLeft()).toBe(0);
  });

  test("does not read a large rest (mutant: no bound on the rest)", async () => {
    const response = memoryResponse({
      reads: ["data: END\n\n", ...Array.from({ length: 100 }, () => "x".repeat(10_000))],
    });
    await run(response);
    expect(response.readsLeft()).toBeGreaterThan(80);
    expect(response.closes()).toBe(1);
  });

  test("reads nothing after the end marker as an answer", async () => {
    const { reads, error } = await runMemory({ reads: ["data: a\n\ndata: END\n\ndata: FAIL\n\n"] });
    expect([reads, error]).toEqual([[["warning"], ["a"]], undefined]);
  });

  test("gives what came before a failure in the same read (mutant: throw at once)", async () => {
    const { reads, error } = await runMemory({ reads: ["data: a\n\ndata: FAIL\n\ndata: b\n\n"] });
    expect(reads).toEqual([["warning"], ["a"]]);
    expect(error).toMatchObject({ reason: "PROVIDER_INTERNAL", extras: { provider: "near", model: "small" } });
  });

  test("an end without the end marker is truncated, and so is one in the middle of an event", async () => {
    const early = await runMemory({ reads: ["data: a\n\n"] });
    expect(early.error).toMatchObject({ reason: "UPSTREAM_TRUNCATED", extras: { provider: "near" } });
    const decoder = createTextDecoder();
    const picky: AnswerDecoder = {
      ...decoder,
      event: () => {
        throw new ExecutionError("PROVIDER_PROTOCOL", "unreadable");
      },
    };
    const exchanges = createExchanges();
    const response = memoryResponse({ reads: ['data: {"half'] });
    const events = exchanges.run({ ...input(async () => response), decoder: picky });
    await expect(all(events)).rejects.toMatchObject({ reason: "UPSTREAM_TRUNCATED" });
  });

  // Mutants seen red: the decoder not asked; asked also when it is the caller who ended the answer.
  test.each([
    ["the body ends too early", { reads: ["data: a\n\n"] }, [["warning"], ["a"], ["held back"]]],
    ["the connection breaks", { reads: ["data: a\n\n"], failure: stalled }, [["warning"], ["a"], ["held back"]]],
    ["the answer says so", { reads: ["data: a\n\ndata: FAIL\n\n"] }, [["warning"], ["a"], ["held back"]]],
    ["it is whole", { reads: ["data: a\n\ndata: END\n\n"] }, [["warning"], ["a"]]],
    ["the caller has left", { reads: ["data: a\n\n"], failure: gone }, [["warning"], ["a"]]],
  ] as const)("gives what its decoder held back, when the answer fails: %s", async (_name, response, reads) => {
    const failed = (out: ChatEvent[]): void => {
      out.push(textDelta(place, "held back"));
    };
    const outcome = await run(memoryResponse(response), { ...createTextDecoder(), failed });
    expect(outcome.reads).toEqual(reads);
  });

  test("passes on what breaks the body", async () => {
    const failure = new ExecutionError("UPSTREAM_STALLED", "silence");
    const response = memoryResponse({ reads: ["data: a\n\n"], failure });
    const { reads, error } = await run(response);
    expect(reads).toEqual([["warning"], ["a"]]);
    expect(error).toMatchObject({ reason: "UPSTREAM_STALLED" });
    expect(response.closes()).toBe(1);
  });

  test("closes the body of a reader that leaves (mutant: no finally)", async () => {
    const response = memoryResponse({ reads: ["data: a\n\n", "data: b\n\n"] });
    const exchanges = createExchanges();
    for await (const batch of exchanges.run(input(async () => response))) if (batch.map(name).includes("a")) break;
    await exchanges.settled();
    expect([response.closes(), response.readsLeft()]).toEqual([1, 1]);
  });

  test("leaves an error of the caller's alone", async () => {
    const gone = new ExecutionError("CANCELLED", "gone");
    const events = createExchanges().run(input(() => Promise.reject(gone)));
    await expect(all(events)).rejects.toBe(gone);
  });
});

describe("the framing of an answer", () => {
  test("a whole document is read in one piece", async () => {
    const { reads, error } = await runMemory({ headers: json, reads: ['{"a', '":1', "}\n"] });
    expect([reads, error]).toEqual([[["warning"], ['{"a":1}\n']], undefined]);
  });

  test.each(["data: a\n\ndata: END\n\n", ": comment\n\ndata: a\n\ndata: END\n\n"])(
    "a stream may be called JSON: %j",
    async (stream) => {
      const { reads } = await runMemory({ headers: json, reads: [...stream] });
      expect(reads.flat()).toEqual(["warning", "a"]);
    },
  );

  test.each([
    ["HTML", { headers: html, reads: ["<html>"] }, "PROVIDER_PROTOCOL"],
    ["HTML that calls itself JSON", { headers: json, reads: ["<html></html>"] }, "PROVIDER_PROTOCOL"],
    ["no content type", { headers: {}, reads: ["data: a\n\n"] }, "PROVIDER_PROTOCOL"],
    ["an empty body", { headers: json, reads: [] }, "PROVIDER_PROTOCOL"],
    ["a redirect", { status: 302, headers: json, reads: ["{}"] }, "PROVIDER_PROTOCOL"],
    ["half a document", { headers: json, reads: ['{"a": [1, 2'] }, "UPSTREAM_TRUNCATED"],
  ])("%s is %s", async (_, response, reason) => {
    const { reads, error } = await runMemory(response);
    expect(reads).toEqual([["warning"]]);
    expect(error).toMatchObject({ reason });
  });

  test("a refusal is read by the provider's own reader, whatever its type, and up to a bound", async () => {
    const refusal = await runMemory({ status: 400, headers: html, reads: ["no", " way"] });
    expect(refusal.error).toMatchObject({ reason: "PROVIDER_REJECTED", message: "400 no way" });
    const endless = memoryResponse({
      status: 500,
      headers: json,
      reads: Array.from({ length: 50 }, () => "x".repeat(10_000)),
    });
    const { error } = await run(endless);
    expect((error as Error).message.length).toBe(4 + 65_536);
    expect(endless.readsLeft()).toBeGreaterThan(40);
  });

  test("a refusal whose body broke off is one all the same; a caller who left is not (mutant: catch everything)", async () => {
    const broken = new ExecutionError("UPSTREAM_TRUNCATED", "cut");
    expect((await runMemory({ status: 429, reads: ["slow"], failure: broken })).error).toMatchObject({
      message: "429 slow",
    });
    const gone = new ExecutionError("CANCELLED", "gone");
    expect((await runMemory({ status: 429, reads: ["slow"], failure: gone })).error).toBe(gone);
  });

  describe("with a streamed array", () => {
    const headers = { "content-type": "application/json; charset=UTF-8" };

    test("takes each object as an event, read by read", async () => {
      const { reads, error } = await run(
        memoryResponse({ headers, reads: ['\n[{"a"', ':1},\n{"b":2}', ',{"c":3}\n'] }),
      );
      expect(reads).toEqual([["warning"], ['{"a":1}', '{"b":2}'], ['{"c":3}']]);
      expect(error).toMatchObject({ reason: "UPSTREAM_TRUNCATED" });
    });

    test("that the body ends before is truncated, whatever its decoder says (mutant: the bracket is not looked for)", async () => {
      const contented = { ...createTextDecoder(), end: () => undefined };
      const whole = await run(memoryResponse({ headers, reads: ['[{"a":1}]'] }), contented);
      const cut = await run(memoryResponse({ headers, reads: ['[{"a":1}'] }), contented);
      expect(whole.error).toBeUndefined();
      expect(cut.error).toMatchObject({ reason: "UPSTREAM_TRUNCATED" });
    });

    test("keeps what came before something that is no object", async () => {
      const { reads, error } = await run(memoryResponse({ headers, reads: ['[{"a":1},2]'] }));
      expect(reads).toEqual([["warning"], ['{"a":1}']]);
      expect(error).toMatchObject({ reason: "PROVIDER_PROTOCOL" });
    });
  });
});
