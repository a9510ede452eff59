import { resolve } from "node:path";
import type { AdapterKind } from "../../src/adapters/adapter.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { type LoadedConfig, loadConfig } from "../../src/config/load.ts";

const unused = (): never => {
  throw new Error("loading a configuration creates no adapter");
};

/** A kind without a key, and one with everything; any quirk but `end_marker` is a problem of the second. */
const kinds: readonly AdapterKind[] = [
  { kind: "mock", needsKey: false, check: () => [], create: unused },
  {
    kind: "openai",
    needsKey: true,
    defaultBaseUrl: "https://api.openai.example/v1",
    vendorKeyVariable: "OPENAI_API_KEY",
    check: ({ quirks }) =>
      Object.keys(quirks)
        .filter((quirk) => quirk !== "end_marker")
        .map((quirk) => ({ path: ["quirks", quirk], message: "is no quirk" })),
    create: unused,
  },
];

/** The world a configuration is loaded in. */
export interface World {
  /** Text of `execution-platform.yaml`. */
  readonly file?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Other files, by path relative to the working directory; an Error is thrown by reading. */
  readonly files?: Readonly<Record<string, string | Error>>;
  /** Permission bits, by path relative to the working directory. */
  readonly modes?: Readonly<Record<string, number>>;
}

const CWD = "/srv/gateway";

/** Loads a configuration from a world in memory. */
export function load({ file, environment = {}, files = {}, modes = {} }: World): Promise<LoadedConfig> {
  const all = new Map(Object.entries(files).map(([path, text]) => [resolve(CWD, path), text]));
  if (file !== undefined) all.set(resolve(CWD, "execution-platform.yaml"), file);
  return loadConfig({
    environment,
    cwd: CWD,
    kinds,
    readFile: (path) => {
      const found = all.get(path);
      if (found instanceof Error) throw found;
      return found;
    },
    listFiles: (directory) => (directory === CWD ? Object.keys(files) : []),
    fileMode: (path) => {
      const [, mode] = Object.entries(modes).find(([name]) => resolve(CWD, name) === path) ?? [];
      return mode;
    },
  });
}

/** Loads a configuration that must be refused, and gives its problems as `where: path: message` lines. */
export async function problemsOf(world: World): Promise<readonly string[]> {
  const error = await load(world).then(
    () => new Error("the configuration was not refused"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConfigError)) throw error;
  return error.problems.map(({ where, path, message }) => `${where}: ${path}: ${message}`);
}

/** What reading a file fails with that the process may not read. */
export function denied(): Error {
  return Object.assign(new Error("permission denied"), { code: "EACCES" });
}
