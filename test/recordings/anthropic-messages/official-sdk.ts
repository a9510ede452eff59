import { Anthropic } from "@anthropic-ai/sdk";
import type { JsonValue } from "../../emulators/exchange.ts";
import type { RecordedCase } from "../../support/recordings.ts";
import type { SdkReading } from "../shared/sdk-reading.ts";

type BetaMessage = Anthropic.Beta.Messages.BetaMessage;

/**
 * Reads a recorded answer with the official SDK: its own framing, its own parser and, of a stream, its own accumulation. Its accumulated usage
 * leaves out what it does not know, so that of a stream is put together from the events it parsed. Rejects with what the SDK throws.
 */
export async function readWithSdk({ row, responseStatus, responseHeaders, body }: RecordedCase): Promise<SdkReading> {
  const headers = Object.entries(responseHeaders).filter(
    ([name]) => !/^(content-(encoding|length)|transfer-encoding)$/i.test(name),
  );
  const client = new Anthropic({
    apiKey: "none",
    baseURL: "http://provider.invalid",
    maxRetries: 0,
    logLevel: "off",
    openTelemetry: false,
    fetch: async () => new Response(new Uint8Array(body), { status: responseStatus, headers }),
  });
  const request = { model: "any", max_tokens: 1, messages: [{ role: "user" as const, content: "Hi" }] };
  if (!row.stream) {
    // Parsed outside the test's realm, whose objects are then no equals of ours.
    const message = JSON.parse(JSON.stringify(await client.beta.messages.create(request))) as BetaMessage;
    return readMessage(message, message.usage);
  }
  let usage: Readonly<Record<string, unknown>> = {};
  const stream = client.beta.messages.stream(request).on("streamEvent", (event) => {
    if (event.type === "message_start") usage = { ...event.message.usage };
    if (event.type === "message_delta") usage = { ...usage, ...event.usage };
  });
  const message = await stream.finalMessage();
  return readMessage(message, usage);
}

function readMessage({ content, stop_reason: finishReason }: BetaMessage, usage: unknown): SdkReading {
  return {
    text: content.map((block) => (block.type === "text" ? block.text : "")).join(""),
    reasoning: content.map((block) => (block.type === "thinking" ? block.thinking : "")).join(""),
    toolCalls: content.flatMap((block) =>
      block.type === "tool_use" ? [{ name: block.name, arguments: block.input as JsonValue }] : [],
    ),
    finishReason: finishReason ?? undefined,
    usage,
  };
}
