import { createHash } from "node:crypto";
import type { KeyUse } from "../store.ts";

/** Names of what is kept at the server. Those of one stream have its id as hash tag. */
export const names = {
  /** Hash: `head`, `owner`, `status`, and once it has ended `ended` and `last`. */
  head: (streamId: string): string => `ep:{${streamId}}:head`,
  /** Stream: an entry `LAST-0` with `n` (number of its first event) and `f` (frames); `LAST-1` with `e` when it has ended. */
  log: (streamId: string): string => `ep:{${streamId}}:log`,
  /** Hash: a field for each process other than the owner in which a reader is attached. */
  reader: (streamId: string): string => `ep:{${streamId}}:reader`,
  /** Set while the process lives. */
  owner: (owner: string): string => `ep:owner:${owner}`,
  /** Channel on which a process is told of its streams. */
  control: (owner: string): string => `ep:control:${owner}`,
  /** Hash: `hash`, `stream`, `failure`. The tenant's own words do not become part of a name. */
  key: ({ tenant, key }: KeyUse): string =>
    `ep:key:${createHash("sha256")
      .update(JSON.stringify([tenant, key]))
      .digest("hex")}`,
} as const;
