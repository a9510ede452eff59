import type { ChatResponse } from "../gen/execution/v1/chat_pb.js";
import { toChatError, truncatedError } from "./chat-error.ts";

/** How far a stream was read. */
export interface Seen {
  /** Empty until `started` has come. */
  readonly resumeToken: string;
  /** Sequence of the last event. */
  readonly sequence: number;
}

/** Opens the call's event stream; the signal ends it. */
export type OpenStream = (signal: AbortSignal) => AsyncIterable<ChatResponse>;

/** Opens the rest of a call's event stream, after what was seen of it. */
export type OpenRest = (seen: Seen, signal: AbortSignal) => AsyncIterable<ChatResponse>;

/** How often a stream is taken up again without an event in between, and how long to wait before, doubled each time. */
const MOST_TRIES = 6;
const FIRST_WAIT_MS = 100;

/**
 * Reads a stream and, where it is lost on the way rather than ended, goes on with the rest of it: when the connection breaks, or the gateway that
 * serves it shuts down. No event comes twice. Throws what ended the stream, or what it was lost by if it cannot be found again.
 */
export async function* resumed(
  open: OpenStream,
  openRest: OpenRest,
  signal: AbortSignal,
  left: () => boolean,
): AsyncGenerator<ChatResponse> {
  let seen: Seen = { resumeToken: "", sequence: 0 };
  let stream = open(signal);
  let tries = 0;
  while (true) {
    let lost: unknown;
    try {
      for await (const response of stream) {
        if (response.sequence <= seen.sequence) continue;
        const { event, sequence } = response;
        seen = { resumeToken: event.case === "started" ? event.value.resumeToken : seen.resumeToken, sequence };
        tries = 0;
        yield response;
        if (event.case === "finished") return;
      }
      lost = truncatedError();
    } catch (thrown) {
      lost = thrown;
    }
    if (left() || signal.aborted || seen.resumeToken === "" || tries >= MOST_TRIES || !isLost(lost)) throw lost;
    await wait(tries === 0 ? 0 : FIRST_WAIT_MS * 2 ** (tries - 1), signal);
    tries += 1;
    stream = openRest(seen, signal);
  }
}

/** True if the stream may go on elsewhere: nobody has said how it ended. */
function isLost(thrown: unknown): boolean {
  const { details, code, reason } = toChatError(thrown, { begun: true, left: false });
  if (details.info === undefined) return code === "UNAVAILABLE" || code === "ABORTED" || code === "INTERNAL";
  return reason === "REATTACH" || reason === "DRAINING";
}

/** Waits, or until the signal fires. */
async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
