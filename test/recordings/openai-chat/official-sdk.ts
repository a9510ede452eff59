import { OpenAI } from "openai";
import type { RecordedCase } from "../../support/recordings.ts";
import type { SdkReading } from "../shared/sdk-reading.ts";

/** The parts of its objects that count here; servers leave some out, and Mistral's content is a list. */
interface SdkMessage {
  readonly content?: string | null | readonly { readonly type: string; readonly text?: string }[];
  readonly tool_calls?: readonly SdkToolCall[] | null;
}

interface SdkToolCall {
  readonly index?: number;
  readonly function?: { readonly name?: string | null; readonly arguments?: string | null };
  readonly custom?: { readonly name?: string; readonly input?: string };
}

/** Reads a recorded answer with the official SDK: its own framing and its own parser. Rejects with what the SDK throws. */
export async function readWithSdk({ row, responseStatus, responseHeaders, body }: RecordedCase): Promise<SdkReading> {
  const headers = Object.entries(responseHeaders).filter(
    ([name]) => !/^(content-(encoding|length)|transfer-encoding)$/i.test(name),
  );
  const client = new OpenAI({
    apiKey: "none",
    baseURL: "http://provider.invalid/v1",
    maxRetries: 0,
    logLevel: "off",
    fetch: async () => new Response(new Uint8Array(body), { status: responseStatus, headers }),
  });
  const request = { model: "any", messages: [{ role: "user" as const, content: "Hi" }] };
  return row.stream
    ? readChunks(await client.chat.completions.create({ ...request, stream: true }))
    : readCompletion(await client.chat.completions.create(request));
}

function readCompletion({ choices, usage }: OpenAI.ChatCompletion): SdkReading {
  const [choice] = choices;
  const message: SdkMessage = choice?.message ?? {};
  return {
    text: textOf(message),
    toolCalls: (message.tool_calls ?? []).map((call) => ({ name: nameOf(call), argumentsText: argumentsOf(call) })),
    finishReason: choice?.finish_reason ?? undefined,
    usage: usage ?? undefined,
  };
}

async function readChunks(chunks: AsyncIterable<OpenAI.ChatCompletionChunk>): Promise<SdkReading> {
  let text = "";
  let finishReason: string | undefined;
  let usage: unknown;
  const toolCalls = new Map<number, { name: string; argumentsText: string }>();
  for await (const chunk of chunks) {
    usage = chunk.usage ?? usage;
    const choice = chunk.choices.find(({ index }) => index === 0);
    if (choice === undefined) continue;
    finishReason = choice.finish_reason ?? finishReason;
    const message: SdkMessage = choice.delta ?? {};
    text += textOf(message);
    for (const [position, call] of (message.tool_calls ?? []).entries()) {
      const known = toolCalls.get(call.index ?? position) ?? { name: "", argumentsText: "" };
      known.name ||= nameOf(call);
      known.argumentsText += argumentsOf(call);
      toolCalls.set(call.index ?? position, known);
    }
  }
  return { text, toolCalls: [...toolCalls.values()], finishReason, usage };
}

function textOf({ content }: SdkMessage): string {
  if (typeof content === "string") return content;
  return (content ?? []).map(({ type, text }) => (type === "text" ? (text ?? "") : "")).join("");
}

const nameOf = (call: SdkToolCall): string => call.function?.name ?? call.custom?.name ?? "";
const argumentsOf = (call: SdkToolCall): string => call.function?.arguments ?? call.custom?.input ?? "";
