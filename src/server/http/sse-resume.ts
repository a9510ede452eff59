import type { Message } from "@bufbuild/protobuf";
import { ExecutionError } from "../../errors.ts";
import type { ServerCall } from "../dispatcher.ts";
import { refuse } from "../edge/fields.ts";

/** Reads which form of events a query asks for. Throws INVALID_FIELD. */
export function readEventsForm(query: string): "short" | "proto" {
  const params = new URLSearchParams(query);
  for (const name of params.keys()) if (name !== "events") refuse("query", "has a parameter other than events");
  const [form = "short", ...more] = params.getAll("events");
  if (more.length > 0 || (form !== "short" && form !== "proto")) return refuse("events", "must be `proto` or `short`");
  return form;
}

/** Reads the number of the last event a client has: `<stream_id>:<sequence>`, as events are named; 0 without the header. Throws INVALID_FIELD. */
export function readLastEventId(header: string | undefined, streamId: string): number {
  if (header === undefined || header === "") return 0;
  const [, id, sequence = ""] = /^(.+):(\d{1,10})$/.exec(header) ?? [];
  if (id !== streamId || Number(sequence) > 0xffffffff) {
    return refuse("last-event-id", "must be the id of an event of this stream: `<stream_id>:<sequence>`");
  }
  return Number(sequence);
}

/**
 * Attaches to a stream for somebody who has the events up to a number. The short form names tool calls by what was said when they began, so that
 * it is read from the start, if that is still there.
 */
export async function* attachFrom(
  call: ServerCall,
  streamId: string,
  after: number,
  form: "short" | "proto",
): AsyncGenerator<readonly Message[]> {
  if (form === "short" && after > 0) {
    try {
      return yield* await call.attach(streamId, after, 0);
    } catch (thrown) {
      if (!(thrown instanceof ExecutionError && thrown.reason === "RESUME_EXPIRED")) throw thrown;
    }
  }
  yield* await call.attach(streamId, after);
}
