import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { adapterKinds } from "../adapters/index.ts";
import { type LoadedConfig, loadConfig } from "../config/load.ts";
import { type CommandContext, CommandError } from "./context.ts";

/**
 * Loads the configuration as a command finds it: `file` or what EP_CONFIG names, `.env` files, environment. Throws a ConfigError, or a CommandError
 * if there is no such `file`.
 */
export async function loadFromDisk(
  file: string | undefined,
  { environment, workingDirectory }: CommandContext,
): Promise<LoadedConfig> {
  const path = file === undefined ? undefined : resolve(workingDirectory, file);
  if (path !== undefined && !existsSync(path)) throw new CommandError(`there is no file ${path}`);
  return loadConfig({
    environment: path === undefined ? environment : { ...environment, EP_CONFIG: path },
    cwd: workingDirectory,
    kinds: adapterKinds,
    readFile: (path) => (existsSync(path) ? readFileSync(path, "utf8") : undefined),
    listFiles: (directory) => (existsSync(directory) ? readdirSync(directory) : []),
    fileMode: (path) => {
      const mode = statSync(path, { throwIfNoEntry: false })?.mode;
      return mode === undefined ? undefined : mode & 0o777;
    },
  });
}
