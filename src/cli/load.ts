import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { adapterKinds } from "../adapters/index.ts";
import { type LoadedConfig, loadConfig } from "../config/load.ts";
import type { CommandContext } from "./context.ts";

/** Loads the configuration as a command finds it: `file` or what EP_CONFIG names, `.env` files, environment. Throws a ConfigError. */
export function loadFromDisk(
  file: string | undefined,
  { environment, workingDirectory }: CommandContext,
): Promise<LoadedConfig> {
  return loadConfig({
    environment: file === undefined ? environment : { ...environment, EP_CONFIG: join(workingDirectory, file) },
    cwd: workingDirectory,
    kinds: adapterKinds,
    readFile: (path) => unlessMissing(() => readFileSync(path, "utf8")),
    listFiles: (directory) => unlessMissing(() => readdirSync(directory)) ?? [],
    fileMode: (path) => unlessMissing(() => statSync(path).mode & 0o777),
  });
}

function unlessMissing<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && (thrown.code === "ENOENT" || thrown.code === "ENOTDIR"))
      return undefined;
    throw thrown;
  }
}
