import { type FSWatcher, realpathSync, watch } from "node:fs";
import { dirname } from "node:path";
import { errorCode } from "../config/error-code.ts";
import type { Seen } from "./disk.ts";

/** How long files must be left alone before a change counts: editors and copies write in steps. Milliseconds. */
const QUIET_MS = 100;

/** How long a change is put off at most, in a directory that is never quiet. Milliseconds. */
const MAX_WAIT_MS = 1_000;

/** Tells when files are not any more as they were. */
export interface FileWatch {
  /** What is to be watched from now on; a change that happened since it was looked at counts. */
  arm(seen: ReadonlyMap<string, Seen>): void;
  close(): void;
}

/** What a watch needs. */
export interface FileWatchDeps {
  /** Called for every change, once things are quiet. */
  readonly onChange: () => void;
  /** Told of a directory that cannot be watched, once each. */
  readonly onBlind: (directory: string, reason: string) => void;
}

/**
 * Watches the directories of files, not the files: editors and deployments replace a file by renaming another one to its place, or turn a link
 * above it. Whatever happens there, only a change of what was looked at counts. Keeps no process alive, and never throws.
 */
export function createFileWatch({ onChange, onBlind }: FileWatchDeps): FileWatch {
  let seen: ReadonlyMap<string, Seen> = new Map();
  let watchers = new Map<string, FSWatcher>();
  const blind = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let firstEventAt: number | undefined;
  let closed = false;

  const check = (): void => {
    timer = undefined;
    firstEventAt = undefined;
    if (![...seen.values()].some((one) => one.hasChanged())) return;
    // The next load looks at everything again; until then this change is told.
    seen = new Map();
    onChange();
  };

  const onEvent = (): void => {
    if (closed) return;
    const now = performance.now();
    firstEventAt ??= now;
    clearTimeout(timer);
    timer = setTimeout(check, Math.max(0, Math.min(QUIET_MS, firstEventAt + MAX_WAIT_MS - now)));
    timer.unref();
  };

  const open = (directory: string): FSWatcher | undefined => {
    const failed = (thrown: unknown): void => {
      if (!blind.has(directory)) onBlind(directory, errorCode(thrown));
      blind.add(directory);
    };
    try {
      const watcher = watch(directory, { persistent: false }, onEvent);
      watcher.on("error", (thrown) => {
        watcher.close();
        failed(thrown);
      });
      return watcher;
    } catch (thrown) {
      failed(thrown);
      return undefined;
    }
  };

  return {
    arm: (next) => {
      if (closed) return;
      seen = next;
      const directories = new Set([...next].flatMap(([path, { directory }]) => [directory, ...realDirectory(path)]));
      // New watchers first, so that nothing happens between the old ones and them; a directory may have been replaced by another of its name.
      const before = watchers;
      watchers = new Map(
        [...directories].flatMap((directory) => {
          const watcher = open(directory);
          return watcher === undefined ? [] : [[directory, watcher] as const];
        }),
      );
      for (const watcher of before.values()) watcher.close();
      onEvent();
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}

/** Where a file really is, if its path leads over a link. */
function realDirectory(path: string): readonly string[] {
  try {
    return [dirname(realpathSync(path))];
  } catch {
    return [];
  }
}
