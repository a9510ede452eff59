import type { Run } from "./run.ts";

/** The calls that run in this process. */
export interface Running {
  add(run: Run): void;
  remove(run: Run): void;
  get(streamId: string): Run | undefined;
  all(): readonly Run[];
  readonly size: number;
}

/**
 * Creates an empty set of calls. The map holds them through a holder that is emptied: a map's old tables, which grow old with what was in them when
 * they became too small, would keep every call that follows alive until the next full collection.
 */
export function createRunning(): Running {
  const holders = new Map<string, { run: Run | undefined }>();
  return {
    add: (run) => holders.set(run.head.streamId, { run }),
    remove: ({ head }) => {
      const holder = holders.get(head.streamId);
      if (holder !== undefined) holder.run = undefined;
      holders.delete(head.streamId);
    },
    get: (streamId) => holders.get(streamId)?.run,
    get size() {
      return holders.size;
    },
    all: () => [...holders.values()].flatMap(({ run }) => run ?? []),
  };
}
