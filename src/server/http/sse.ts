import type { ChatResponse } from "../../gen/execution/v1/chat_pb.js";
import type { ServerCall } from "../dispatcher.ts";
import { readInflated } from "./body.ts";
import { readChatBody } from "./chat-body.ts";
import { type Exchange, endAnswer } from "./exchange.ts";
import type { TransportLimits } from "./limits.ts";
import { errorObject } from "./problem.ts";
import { createProtoEncoder, createShortEncoder } from "./sse-events.ts";
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
  const { response } = exchange;
  const bytes = await readInflated(exchange, call, limits.requestMs);
  const { request, events } = readChatBody(bytes, exchange.query, call);
  const encoder = events === "proto" ? createProtoEncoder() : createShortEncoder();
  const write = createWriter(exchange, call.signal, limits.stallMs);
  try {
    for await (const batch of await call.run(request)) {
      if (!response.headersSent) response.writeHead(200, HEADERS);
      let text = "";
      for (const message of batch) text += encoder.event(message as ChatResponse);
      await write(text);
    }
  } catch (thrown) {
    if (!response.headersSent) throw thrown;
    if (!exchange.closed()) response.write(encoder.error(errorObject(call.status(thrown))));
  }
  endAnswer(exchange, limits);
}
