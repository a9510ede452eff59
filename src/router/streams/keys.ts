import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ExecutionError } from "../../errors.ts";
import { ChatFailureSchema } from "../../gen/execution/v1/errors_pb.js";
import { createQueue } from "./queue.ts";
import type { Claim, KeyEnd, KeyUse } from "./store.ts";

/** Bounds of the idempotency keys that a process keeps. */
export interface KeyLimits {
  /** Of all tenants together. One of them may have half as many, so that it cannot take them from the others. */
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
  readonly tenant: string;
  readonly hash: string;
  readonly streamId: string;
  readonly expiresAtMs: number;
  /** What its call did, encoded: kept for a day, as an object it would take many times as much memory. */
  failure?: Uint8Array;
}

/** How many records of keys that were given back wait at least until they are swept out. */
const SWEEP_AFTER = 1024;

/** Creates an empty set of keys. */
export function createKeys({ maxKeys, keepKeysMs }: KeyLimits, nowMs: () => number): Keys {
  const records = new Map<string, KeyRecord>();
  const countOf = new Map<string, number>();
  /** Oldest first, since all are kept equally long; some that were given back among them. */
  const byAge = createQueue<KeyRecord>();
  const nameOf = ({ tenant, key }: KeyUse): string => `${tenant.length}:${tenant}${key}`;
  const isKept = (record: KeyRecord): boolean => records.get(record.name) === record;
  const count = (tenant: string, more: 1 | -1): void => {
    const left = (countOf.get(tenant) ?? 0) + more;
    if (left === 0) countOf.delete(tenant);
    else countOf.set(tenant, left);
  };
  const drop = (record: KeyRecord): void => {
    if (!isKept(record)) return;
    records.delete(record.name);
    count(record.tenant, -1);
  };
  const dropExpired = (): void => {
    const now = nowMs();
    for (let oldest = byAge.peek(); oldest !== undefined; oldest = byAge.peek()) {
      if (isKept(oldest) && oldest.expiresAtMs > now) return;
      drop(oldest);
      byAge.shift();
    }
  };
  const hasRoom = (tenant: string): boolean =>
    records.size < maxKeys && (countOf.get(tenant) ?? 0) < Math.ceil(maxKeys / 2);
  return {
    claim: (use, streamId) => {
      dropExpired();
      const name = nameOf(use);
      const record = records.get(name);
      if (record?.hash === use.hash) {
        const { failure, streamId: earlier } = record;
        if (failure === undefined) return { kind: "same", streamId: earlier };
        return { kind: "same", streamId: earlier, failure: fromBinary(ChatFailureSchema, failure) };
      }
      if (record !== undefined) return { kind: "other" };
      if (!hasRoom(use.tenant)) {
        throw new ExecutionError("OVERLOADED", "this server keeps as many idempotency keys as it can", {
          retryAfterMs: Math.max(0, (byAge.peek()?.expiresAtMs ?? 0) - nowMs()),
        });
      }
      const mine: KeyRecord = {
        name,
        tenant: use.tenant,
        hash: use.hash,
        streamId,
        expiresAtMs: nowMs() + keepKeysMs,
      };
      records.set(name, mine);
      count(use.tenant, 1);
      byAge.push(mine);
      return { kind: "mine" };
    },
    end: (key) => {
      const record = records.get(nameOf(key));
      if (record?.streamId !== key.failure.streamId) return;
      if (!key.free) {
        record.failure = toBinary(ChatFailureSchema, key.failure);
        return;
      }
      drop(record);
      if (byAge.size > 2 * records.size + SWEEP_AFTER) byAge.retain(isKept);
    },
  };
}
