import type { Message } from "@bufbuild/protobuf";
import type { ChatResponse } from "../../gen/execution/v1/chat_pb.js";
import type { ServerCall } from "../dispatcher.ts";
import { readInflated } from "./body.ts";
import { readChatBody } from "./chat-body.ts";
import { type Exchange, endAnswer } from "./exchange.ts";
import type { TransportLimits } from "./limits.ts";
import { errorObject } from "./problem.ts";
import { createProtoEncoder, createShortEncoder, type SseEncoder } from "./sse-events.ts";
import { attachFrom, readEventsForm, readLastEventId } from "./sse-resume.ts";
import { createWriter } from "./writer.ts";

const HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  // Proxies that buffer would hold the events back (nginx).
  "x-accel-buffering": "no",
};

/**
 * Serves one Chat as server-sent events: an event a ChatResponse, `id: <stream_id>:<sequence>`; the short form, or with `?events=proto`
 * canonical ProtoJSON. A failure before the first event is thrown, for a problem document; a later one is the event `error`. The events of one
 * provider read are one write; the provider is read at the pace of the client.
 */
export async function serveChat(exchange: Exchange, call: ServerCall, limits: TransportLimits): Promise<void> {
  const bytes = await readInflated(exchange, call, limits.requestMs);
  const { request, events } = await readChatBody(bytes, exchange.query, call);
  const encoder = events === "proto" ? createProtoEncoder() : createShortEncoder();
  await writeEvents(exchange, call, limits, { encoder, after: 0, batches: await call.run(request) });
  endAnswer(exchange, limits);
}

/** Serves a stream that is there already as `serveChat` does, from the event after `Last-Event-ID` on. What has nothing more to say answers 204. */
export async function serveStream(
  exchange: Exchange,
  call: ServerCall,
  limits: TransportLimits,
  streamId: string,
): Promise<void> {
  const { response } = exchange;
  const form = readEventsForm(exchange.query);
  const after = readLastEventId(exchange.header("last-event-id"), streamId);
  const encoder = form === "proto" ? createProtoEncoder(streamId) : createShortEncoder(streamId);
  if (exchange.method === "HEAD") response.writeHead(200, HEADERS);
  else await writeEvents(exchange, call, limits, { encoder, after, batches: attachFrom(call, streamId, after, form) });
  // A browser's EventSource comes back until it is told that there is nothing.
  if (!response.headersSent) response.writeHead(204);
  endAnswer(exchange, limits);
}

/** Events to write. */
interface Events {
  readonly batches: AsyncIterable<readonly Message[]>;
  readonly encoder: SseEncoder;
  /** Events up to this number are read, but not written. */
  readonly after: number;
}

async function writeEvents(
  exchange: Exchange,
  call: ServerCall,
  limits: TransportLimits,
  { batches, encoder, after }: Events,
): Promise<void> {
  const { response } = exchange;
  const write = createWriter(exchange, call.signal, limits.stallMs);
  try {
    for await (const batch of batches) {
      let text = "";
      for (const message of batch as readonly ChatResponse[]) {
        const event = encoder.event(message);
        if (message.sequence > after) text += event;
      }
      if (text === "") continue;
      if (!response.headersSent) response.writeHead(200, HEADERS);
      await write(text);
    }
  } catch (thrown) {
    if (!response.headersSent) throw thrown;
    if (!exchange.closed()) response.write(encoder.error(errorObject(call.status(thrown))));
  }
}
