import { describe, expect, test } from "@jest/globals";
import { runSeed } from "./random.ts";
import { splitEvents } from "./split.ts";
import { type SyntheticChatOptions, syntheticChat } from "./synthetic-chat.ts";

const seed = runSeed();

interface Chunk {
  readonly choices: readonly {
    readonly delta: {
      readonly content?: string;
      readonly reasoning?: string;
      readonly reasoning_content?: string;
      readonly tool_calls?: readonly { index: number; id?: string; function: { name?: string; arguments: string } }[];
    };
    readonly finish_reason: string | null;
  }[];
  readonly usage?: unknown;
}

/** The parsed chunks of a stream, and whether its end marker came last. */
function read(body: Uint8Array): { chunks: Chunk[]; done: boolean } {
  const events = splitEvents(body).map(({ bytes }) => new TextDecoder().decode(bytes).slice("data: ".length, -2));
  const done = events.at(-1) === "[DONE]";
  return { chunks: events.slice(0, done ? -1 : undefined).map((event) => JSON.parse(event) as Chunk), done };
}

const generate = (options: Omit<SyntheticChatOptions, "seed">) => {
  const chat = syntheticChat({ seed, ...options });
  const { chunks, done } = read(chat.body);
  return { ...chat, chunks, done, deltas: chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta)) };
};

describe(`a synthetic chat stream (seed ${seed})`, () => {
  test("is the same for the same seed and shares no value with another", () => {
    const [first, same, other] = [seed, seed, seed + 1].map((start) =>
      syntheticChat({ seed: start, chunks: 20, toolCalls: 2, reasoningField: "reasoning" }),
    );
    expect(same).toEqual(first);
    expect(other?.expected.text).not.toBe(first?.expected.text);
    expect(other?.expected.toolCalls?.[0]?.name).not.toBe(first?.expected.toolCalls?.[0]?.name);
  });

  test("has as many text deltas as asked for, which make up the expected text", () => {
    const { deltas, expected, done } = generate({ chunks: 50 });
    const parts = deltas.flatMap(({ content }) => (content === undefined || content === "" ? [] : [content]));
    expect(parts).toHaveLength(50);
    expect(parts.join("")).toBe(expected.text);
    expect(expected.finishReason).toBe("stop");
    expect(done).toBe(true);
  });

  test("carries a given text, never more deltas than characters", () => {
    const { deltas, expected } = generate({ chunks: 10, text: "a🙂b" });
    expect(expected.text).toBe("a🙂b");
    expect(deltas.map(({ content }) => content).filter(Boolean)).toEqual(["a", "🙂", "b"]);
  });

  test("interleaves tool calls whose pieces make up the expected arguments", () => {
    const calls = [
      { id: "one", name: "first", arguments: { city: "Zürich", days: 3 } },
      { id: "two", name: "second", arguments: {} },
    ];
    const { deltas, expected } = generate({ chunks: 0, toolCalls: calls });
    const pieces = deltas.flatMap(({ tool_calls: list }) => list ?? []);
    expect(pieces.map(({ index }) => index)).toEqual([0, 1, 0, 1, 0, 1, 0, 0]);
    const joined = calls.map((_, index) =>
      pieces.flatMap((piece) => (piece.index === index ? [piece.function.arguments] : [])).join(""),
    );
    expect(joined.map((argumentText) => JSON.parse(argumentText))).toEqual(calls.map((call) => call.arguments));
    expect(expected).toMatchObject({ toolCalls: calls, finishReason: "tool_calls", text: "" });
  });

  test.each(["reasoning", "reasoning_content"] as const)(
    "puts reasoning into the field %s before the text",
    (field) => {
      const { deltas, expected } = generate({ chunks: 3, reasoningField: field });
      expect(deltas.map((delta) => delta[field] ?? "").join("")).toBe(expected.reasoning);
      expect(deltas.findLastIndex((delta) => delta[field] !== undefined)).toBeLessThan(
        deltas.findIndex((delta) => delta.content !== undefined && delta.content !== ""),
      );
    },
  );

  test("places usage last, in every chunk or nowhere", () => {
    const last = generate({ chunks: 3 });
    expect(last.chunks.map(({ usage }) => usage !== undefined)).toEqual([false, false, false, false, false, true]);
    expect(last.chunks.at(-1)).toMatchObject({ choices: [], usage: last.expected.usage });
    const every = generate({ chunks: 3, usage: "every" });
    expect(every.chunks.every(({ usage }) => usage !== undefined)).toBe(true);
    expect(every.chunks.at(-1)?.usage).toEqual(every.expected.usage);
    const none = generate({ chunks: 3, usage: "none" });
    expect(none.chunks.some(({ usage }) => usage !== undefined)).toBe(false);
    expect(none.expected).not.toHaveProperty("usage");
  });

  test("ends without the marker when told to", () => {
    expect(generate({ chunks: 2, doneMarker: false }).done).toBe(false);
  });
});
