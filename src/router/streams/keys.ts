import { ExecutionError } from "../../errors.ts";
import type { ChatFailure } from "../../gen/execution/v1/errors_pb.js";
import { createQueue } from "./queue.ts";
import type { Claim, KeyEnd, KeyUse } from "./store.ts";

/** Bounds of the idempotency keys that a process keeps. */
export interface KeyLimits {
  readonly maxKeys: number;
  readonly keepKeysMs: number;
}

/** Idempotency keys in memory. */
export interface Keys {
  /** Takes a key for a stream, unless it is taken. Throws OVERLOADED where no more can be kept: a key that is forgotten would bill twice. */
  claim(use: KeyUse, streamId: string): Claim;
  /** Gives the key of a call that has ended back, or keeps what the call did. */
  end(key: KeyEnd): void;
}

interface KeyRecord {
  readonly name: string;
  readonly hash: string;
  readonly streamId: string;
  readonly expiresAtMs: number;
  failure?: ChatFailure;
}

/** Creates an empty set of keys. */
export function createKeys({ maxKeys, keepKeysMs }: KeyLimits, nowMs: () => number): Keys {
  const records = new Map<string, KeyRecord>();
  /** Oldest first, since all are kept equally long; those that were given back among them. */
  const byAge = createQueue<KeyRecord>();
  const nameOf = ({ tenant, key }: KeyUse): string => `${tenant.length}:${tenant}${key}`;
  const drop = (record: KeyRecord): void => {
    if (records.get(record.name) === record) records.delete(record.name);
  };
  const dropExpired = (): void => {
    const now = nowMs();
    for (let oldest = byAge.peek(); oldest !== undefined && oldest.expiresAtMs <= now; oldest = byAge.peek()) {
      drop(oldest);
      byAge.shift();
    }
  };
  return {
    claim: (use, streamId) => {
      dropExpired();
      const name = nameOf(use);
      const record = records.get(name);
      if (record?.hash === use.hash) {
        const { failure } = record;
        return { kind: "same", streamId: record.streamId, ...(failure === undefined ? {} : { failure }) };
      }
      if (record !== undefined) return { kind: "other" };
      if (byAge.size >= maxKeys) {
        throw new ExecutionError("OVERLOADED", "this server keeps as many idempotency keys as it can", {
          retryAfterMs: Math.max(0, (byAge.peek()?.expiresAtMs ?? 0) - nowMs()),
        });
      }
      const mine: KeyRecord = { name, hash: use.hash, streamId, expiresAtMs: nowMs() + keepKeysMs };
      records.set(name, mine);
      byAge.push(mine);
      return { kind: "mine" };
    },
    end: (key) => {
      const record = records.get(nameOf(key));
      if (record?.streamId !== key.failure.streamId) return;
      if (key.free) drop(record);
      else record.failure = key.failure;
    },
  };
}
