import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { APIError, OpenAI } from "openai";
import type { ChatCompletion, ChatCompletionChunk } from "openai/resources/chat/completions";
import { type ExpectedAnswer, fixtureNames, loadFixture, toExchange } from "../support/recordings.ts";
import { createEmulator, type Emulator } from "./emulator.ts";

let emulator: Emulator;
let client: OpenAI;
beforeAll(async () => {
  emulator = await createEmulator();
  client = new OpenAI({ apiKey: "none", baseURL: `${emulator.baseUrl}/v1`, maxRetries: 0 });
});
afterAll(() => emulator.close());

const question = { model: "m", messages: [{ role: "user" as const, content: "?" }] };

/** A message or a delta with the reasoning fields that compatible servers add to the official ones. */
interface WithReasoning {
  readonly reasoning?: string | null;
  readonly reasoning_content?: string | null;
}

function reasoningOf(part: object): string {
  const { reasoning, reasoning_content: content }: WithReasoning = part;
  return reasoning ?? content ?? "";
}

/** Adds up what the official SDK handed over, in the shape of `expected.json`. */
function createSum(stream: boolean) {
  const calls: { id: string; name: string; arguments: string }[] = [];
  const sum = { text: "", reasoning: "", finishReason: undefined as string | undefined, usage: undefined as unknown };
  return {
    addChunk(chunk: ChatCompletionChunk) {
      const choice = chunk.choices[0];
      sum.text += choice?.delta.content ?? "";
      sum.reasoning += reasoningOf(choice?.delta ?? {});
      for (const piece of choice?.delta.tool_calls ?? []) {
        calls[piece.index] ??= { id: piece.id ?? "", name: piece.function?.name ?? "", arguments: "" };
        const call = calls[piece.index];
        if (call !== undefined) call.arguments += piece.function?.arguments ?? "";
      }
      sum.finishReason = choice?.finish_reason ?? sum.finishReason;
      sum.usage = chunk.usage ?? sum.usage;
    },
    addWhole({ choices, usage }: ChatCompletion) {
      const choice = choices[0];
      sum.text = choice?.message.content ?? "";
      sum.reasoning = reasoningOf(choice?.message ?? {});
      for (const call of choice?.message.tool_calls ?? []) {
        if (call.type === "function") calls.push({ id: call.id, ...call.function });
      }
      sum.finishReason = choice?.finish_reason;
      sum.usage = usage;
    },
    result(error?: unknown): ExpectedAnswer {
      const toolCalls = calls.map((call) => ({ ...call, arguments: JSON.parse(call.arguments || "{}") }));
      const given = { ...sum, reasoning: sum.reasoning || undefined, error };
      return JSON.parse(JSON.stringify({ ...given, toolCalls, stream })) as ExpectedAnswer;
    },
  };
}

describe("the official SDK reads out of each fixture what its expectation says", () => {
  test.each(fixtureNames)("%s", async (name) => {
    const fixture = loadFixture(name);
    const { expected } = fixture;
    emulator.enqueue(toExchange(fixture, { kind: "random-splits" }));
    const sum = createSum(expected.stream);
    let error: unknown;
    try {
      if (expected.stream) {
        const stream = await client.chat.completions.create({ ...question, stream: true });
        for await (const chunk of stream) sum.addChunk(chunk);
      } else sum.addWhole(await client.chat.completions.create(question));
    } catch (thrown) {
      if (!(thrown instanceof APIError)) throw thrown;
      error = thrown.error;
    }
    const read = sum.result(error);
    if (expected.error === undefined) expect(read).toEqual(expected);
    // The SDK throws at the error and hands over the error object without its envelope; nothing after it is read.
    else expect({ text: read.text, error: read.error }).toEqual({ text: expected.text, error: bareError(expected) });
  });
});

function bareError({ error }: ExpectedAnswer): unknown {
  return typeof error === "object" && error !== null && "error" in error ? error.error : error;
}
