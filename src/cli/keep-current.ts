import type { LoadedConfig } from "../config/load.ts";
import type { RunningGateway } from "../gateway.ts";
import type { LeveledLog } from "../telemetry/log.ts";
import type { CommandContext } from "./context.ts";
import { createDisk, type Disk } from "./disk.ts";
import { loadFromDisk } from "./load.ts";
import { createReloader } from "./reload.ts";
import { createFileWatch } from "./watch.ts";

/** What keeping a gateway's configuration current needs. */
export interface KeepCurrentDeps {
  readonly gateway: RunningGateway;
  /** What it was started with, and the disk that was loaded from. */
  readonly loaded: LoadedConfig;
  readonly disk: Disk;
  /** The configuration file that the command line names, if it does. */
  readonly file: string | undefined;
  /** Whether changes of files are noticed. */
  readonly watch: boolean;
  readonly log: LeveledLog;
  readonly context: CommandContext;
}

/**
 * Loads the configuration anew when one of the files it was loaded from changes, and at SIGHUP: the file itself, `.env` files, the persona map,
 * certificates, key files; those that were looked for in vain, too. Gives back what ends that.
 */
export function keepCurrent({
  gateway,
  loaded,
  disk,
  file,
  watch,
  log,
  context,
}: KeepCurrentDeps): () => Promise<void> {
  const files = createFileWatch({
    onChange: () => reloader.request("files changed"),
    onBlind: (directory, reason) =>
      log.warn(`changes in ${directory} are not noticed (${reason}); send SIGHUP to load the configuration anew`),
  });
  const arm = (looked: Disk): void => {
    if (watch) files.arm(looked.seen);
  };
  const reloader = createReloader({
    load: async () => {
      const looked = createDisk();
      try {
        return await loadFromDisk(file, context, looked);
      } finally {
        arm(looked);
      }
    },
    apply: ({ config }) => gateway.reload(config),
    log,
    inForce: loaded,
  });
  context.onHangUp(() => reloader.request("SIGHUP"));
  arm(disk);
  return async () => {
    files.close();
    await reloader.close();
  };
}
