import { timingSafeEqual } from "node:crypto";
import { ExecutionError } from "../../errors.ts";
import type { CallContext } from "../call.ts";
import type { StreamStatus } from "./ended.ts";
import { chatFailure } from "./failure.ts";
import { createReader, type Reader } from "./reader.ts";
import { aheadError, callerLeft, expiredError, streamNotFound } from "./refusals.ts";
import type { StoredStream, StreamStore } from "./store.ts";

/** Looks a tenant's stream up. Throws STREAM_NOT_FOUND, for another tenant's as for one that is not there. */
export async function findById(store: StreamStore, streamId: string, tenant: string): Promise<StoredStream> {
  const stored = await store.find(streamId);
  if (stored?.head.tenant !== tenant) throw streamNotFound();
  return stored;
}

/** Looks the stream of a resume token up. Throws STREAM_NOT_FOUND. */
export async function findByToken(store: StreamStore, token: string, tenant: string): Promise<StoredStream> {
  const stored = await findById(store, token.slice(0, Math.max(0, token.lastIndexOf("."))), tenant);
  if (!isSameSecret(token, stored.head.resumeToken)) throw streamNotFound();
  return stored;
}

/** Where a reader stands. */
export interface Position {
  /** Number of the last event it has. */
  readonly after: number;
  /** Number of the last event that it does not want again. */
  readonly from: number;
}

/** Opens a reader of a stream that does not run in this process. Throws INVALID_FIELD if it is ahead of the stream. */
export async function attachToStored(
  stored: StoredStream,
  { after, from }: Position,
  context: CallContext,
): Promise<Reader> {
  const { head } = stored;
  const status = await stored.status();
  if (after > status.lastSequence && isWhole(status)) throw aheadError(after, status.lastSequence);
  const { log, demand, release } = await stored.open(from);
  try {
    context.signal.throwIfAborted();
  } catch (thrown) {
    release();
    throw thrown;
  }
  return createReader({
    log,
    after: from,
    signal: context.signal,
    host: {
      demand,
      onEnd: release,
      onLeave: async () => release(),
      expired: (cursor) => expiredError(chatFailure(head, status, cursor)),
      onAbort: (reader, reason) => {
        const error = reason instanceof ExecutionError ? reason : callerLeft();
        return error.with({ failure: chatFailure(head, status, reader.cursor()) });
      },
    },
  });
}

/** True unless the stream may have had events that are not known of: it runs elsewhere, or its process is gone and its last events with it. */
function isWhole({ ended }: StreamStatus): boolean {
  return ended !== undefined && ended.error?.reason !== "INTERRUPTED";
}

/** Compares in a time that does not depend on where two secrets differ. */
function isSameSecret(left: string, right: string): boolean {
  const [given, kept] = [Buffer.from(left), Buffer.from(right)];
  return given.length === kept.length && timingSafeEqual(given, kept);
}
