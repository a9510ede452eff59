import { ConfigError } from "../config/config-error.ts";
import type { LoadedConfig } from "../config/load.ts";
import { goneFiles } from "../config/loaded-files.ts";
import type { Reloaded } from "../gateway.ts";
import { ReloadError } from "../gateway-state.ts";
import { type LeveledLog, type Log, talkative } from "../telemetry/log.ts";
import { CommandError } from "./context.ts";

/** Puts a configuration in force that was loaded anew, or says why not. */
export interface Reloader {
  /** Loads anew, after a load that runs already. `reason` is for the log: `SIGHUP`, `files changed`. */
  request(reason: string): void;
  /** Waits for a load that runs, and does none from then on. */
  close(): Promise<void>;
}

/** What reloading needs. */
export interface ReloaderDeps {
  /** Loads the configuration. Throws if it is refused. */
  readonly load: () => Promise<LoadedConfig>;
  /** Puts it in force, as a whole or not at all. */
  readonly apply: (loaded: LoadedConfig) => Reloaded;
  /** Gets the level of what is put in force. */
  readonly log: LeveledLog;
  /** What is in force now. Its notices are not repeated. */
  readonly inForce: LoadedConfig;
}

/**
 * Creates a reloader. One load runs at a time; requests that come meanwhile are one request after it. A configuration that is refused changes
 * nothing: each problem is logged with its file and line. It is refused, too, while a file that what is in force came from is gone or blank.
 */
export function createReloader({ load, apply, log, inForce }: ReloaderDeps): Reloader {
  let before = inForce;
  let wanted: string | undefined;
  let running: Promise<void> | undefined;
  let closed = false;

  const once = async (reason: string): Promise<void> => {
    try {
      const loaded = await load();
      if (closed) return;
      const [gone] = goneFiles(before.files, loaded.files);
      if (gone !== undefined) {
        throw new ReloadError(
          `${gone} is gone or has no text any more; put it back, or start again to go on without it`,
        );
      }
      const { needsRestart } = apply(loaded);
      // What became of a change is told even where it is the change that silences the log.
      log.setLevel(talkative(before.config.logLevel, loaded.config.logLevel));
      log.info("the configuration was loaded anew and is in force", { reason });
      for (const path of needsRestart) {
        log.warn(`${path} was changed, which needs a restart; until then it stays as it is`, { path });
      }
      for (const notice of loaded.notices) if (!before.notices.includes(notice)) log.warn(notice);
      log.setLevel(loaded.config.logLevel);
      before = loaded;
    } catch (thrown) {
      refuse(log, thrown, reason);
    }
  };

  const run = async (): Promise<void> => {
    while (wanted !== undefined && !closed) {
      const reason = wanted;
      wanted = undefined;
      await once(reason);
    }
    running = undefined;
  };

  return {
    request: (reason) => {
      if (closed) return;
      wanted = reason;
      running ??= run();
    },
    close: async () => {
      closed = true;
      await running;
    },
  };
}

/** One line that says so, then one a problem, each whole in itself. */
function refuse(log: Log, thrown: unknown, reason: string): void {
  const what = "the new configuration is refused, and the old one stays in force";
  if (thrown instanceof ConfigError) {
    log.warn(what, { reason, problems: thrown.problems.length });
    for (const { where, path, message } of thrown.problems) {
      log.warn([where, path, message].filter((part) => part !== "").join(": "), { where, path });
    }
  } else if (thrown instanceof ReloadError || thrown instanceof CommandError) {
    log.warn(`${what}: ${thrown.message}`, { reason });
  } else {
    log.error(what, thrown, { reason });
  }
}
