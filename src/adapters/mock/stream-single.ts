import { type ChatEvent, chatEvent, type Place } from "../../contract/events.ts";
import { Executor } from "../../gen/execution/v1/content_pb.js";
import type { EventStep } from "./script.ts";

type Scripted<Name extends string> = Extract<EventStep, Record<Name, unknown>>[Name &
  keyof Extract<EventStep, Record<Name, unknown>>];

/** The answer of a tool the provider ran: one text. */
export function toolResultEvent(result: Scripted<"tool_result">, { step, part }: Place): ChatEvent {
  return chatEvent({
    case: "toolResult",
    value: {
      $typeName: "execution.v1.ToolResult",
      step,
      part,
      toolCallId: result.id,
      parts: [
        {
          $typeName: "execution.v1.Part",
          kind: { case: "text", value: { $typeName: "execution.v1.TextPart", text: result.text, citations: [] } },
          providerState: [],
        },
      ],
      isError: result.is_error === true,
      executor: Executor.PROVIDER,
      ...(result.duration_ms === undefined ? {} : { durationMs: result.duration_ms }),
    },
  });
}

/** A picture the model made. */
export function imageEvent(image: Scripted<"image">, { step, part }: Place): ChatEvent {
  return chatEvent({
    case: "image",
    value: {
      $typeName: "execution.v1.ImageEvent",
      step,
      part,
      image: {
        $typeName: "execution.v1.ImagePart",
        source: { case: "data", value: bytesOf(image.data) },
        mimeType: image.mime_type,
        detail: 0,
      },
    },
  });
}

/** A piece of sound; what the script leaves out is empty. */
export function audioEvent(audio: Scripted<"audio">, { step, part }: Place): ChatEvent {
  return chatEvent({
    case: "audio",
    value: {
      $typeName: "execution.v1.AudioEvent",
      step,
      part,
      data: bytesOf(audio.data ?? ""),
      mimeType: audio.mime_type ?? "",
      transcript: audio.transcript ?? "",
      providerId: audio.provider_id ?? "",
    },
  });
}

/** A source; `raw_json` is the citation as the script has it. */
export function citationEvent(citation: Scripted<"citation">, { step, part }: Place): ChatEvent {
  return chatEvent({
    case: "citation",
    value: {
      $typeName: "execution.v1.CitationEvent",
      step,
      part,
      citation: {
        $typeName: "execution.v1.Citation",
        url: citation.url ?? "",
        title: citation.title ?? "",
        citedText: citation.cited_text ?? "",
        sourceId: citation.source_id ?? "",
        rawJson: JSON.stringify(citation),
        ...(citation.start_index === undefined ? {} : { startIndex: citation.start_index }),
        ...(citation.end_index === undefined ? {} : { endIndex: citation.end_index }),
        ...(citation.document_index === undefined ? {} : { documentIndex: citation.document_index }),
      },
    },
  });
}

/** Log probabilities; the bytes of a token are its UTF-8. */
export function logprobsEvent(tokens: Scripted<"logprobs">, { step, part }: Place): ChatEvent {
  return chatEvent({
    case: "logprobs",
    value: {
      $typeName: "execution.v1.LogprobsEvent",
      step,
      part,
      tokens: tokens.map(({ token, logprob, top }) => ({
        $typeName: "execution.v1.TokenLogprob",
        token,
        logprob,
        bytes: Buffer.from(token, "utf8"),
        top: (top ?? []).map((other) => ({
          $typeName: "execution.v1.TopLogprob",
          token: other.token,
          logprob: other.logprob,
          bytes: Buffer.from(other.token, "utf8"),
        })),
      })),
    },
  });
}

/** Decodes base64. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(base64, "base64"));
}
