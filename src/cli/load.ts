import { resolve } from "node:path";
import { adapterKinds } from "../adapters/index.ts";
import { type LoadedConfig, loadConfig } from "../config/load.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { createDisk, type Disk } from "./disk.ts";

/**
 * Loads the configuration as a command finds it: `file` or what EP_CONFIG names, `.env` files, environment. Throws a ConfigError, or a CommandError
 * if there is no such `file`. `disk` knows afterwards which files that took, whether they were good or not.
 */
export async function loadFromDisk(
  file: string | undefined,
  { environment, workingDirectory }: Pick<CommandContext, "environment" | "workingDirectory">,
  disk: Disk = createDisk(),
): Promise<LoadedConfig> {
  const path = file === undefined ? undefined : resolve(workingDirectory, file);
  if (path !== undefined && isMissing(path, disk)) throw new CommandError(`there is no file ${path}`);
  return loadConfig({
    environment: path === undefined ? environment : { ...environment, EP_CONFIG: path },
    cwd: workingDirectory,
    kinds: adapterKinds,
    readFile: disk.readFile,
    listFiles: disk.listFiles,
    fileMode: disk.fileMode,
  });
}

/** A file that cannot be read is there; loading it says what is wrong. */
function isMissing(path: string, disk: Disk): boolean {
  try {
    return disk.readFile(path) === undefined;
  } catch {
    return false;
  }
}
