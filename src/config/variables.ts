import { join } from "node:path";
import { parseEnv } from "node:util";
import { errorCode } from "./error-code.ts";
import { type Place, scalar, type Tree } from "./tree.ts";

/** A variable with where it is set. */
export interface Variable {
  readonly value: string;
  readonly place: Place;
}

/** Variables by name. */
export type Variables = ReadonlyMap<string, Variable>;

/** What finding the variables needs. */
export interface VariableSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly readFile: (path: string) => string | undefined;
  /** Names of what is in a directory; none if it is not there. */
  readonly listFiles: (directory: string) => readonly string[];
  /** Told of files that cannot be read. */
  readonly unreadable: (file: string, thrown: unknown) => void;
}

/**
 * Every variable: those of `.env` in the working directory, over them those of its `EP_*.env` files in alphabetical order, over them those of the
 * process's environment. An `EP_` variable without a value is not set, so an empty one in the environment takes away one of a file.
 */
export function readVariables({ environment, cwd, readFile, listFiles, unreadable }: VariableSources): Variables {
  const variables = new Map<string, Variable>();
  const files = listFiles(cwd)
    .filter((name) => /^EP_.*\.env$/.test(name))
    .sort();
  for (const file of [".env", ...files]) {
    const text = readEnvFile(join(cwd, file), readFile, (thrown) => unreadable(file, thrown));
    for (const [name, value] of Object.entries(parseEnv(text))) {
      if (value !== undefined) variables.set(name, { value, place: placeIn(file, text, name) });
    }
  }
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined) variables.set(name, { value, place: { source: "environment", name } });
  }
  for (const [name, { value }] of variables) {
    if (name.startsWith("EP_") && value.trim() === "") variables.delete(name);
  }
  return variables;
}

function readEnvFile(
  path: string,
  readFile: VariableSources["readFile"],
  unreadable: (thrown: unknown) => void,
): string {
  try {
    return readFile(path) ?? "";
  } catch (thrown) {
    // A directory of that name is a virtual environment of another tool.
    if (errorCode(thrown) !== "EISDIR") unreadable(thrown);
    return "";
  }
}

/** The last line that sets the variable wins, as it does for the parser. */
function placeIn(file: string, text: string, name: string): Place {
  const line = text
    .split("\n")
    .findLastIndex((candidate) => candidate.match(/^\s*(?:export\s+)?([\w.-]+)\s*=/)?.[1] === name);
  return { source: "environment", name, file: line < 0 ? file : `${file}:${line + 1}` };
}

/** True if a variable switches something on. */
export function isOn(variable: Variable | undefined): boolean {
  return variable !== undefined && ["1", "true"].includes(variable.value.trim());
}

/** The value of a variable as if it stood in the file. */
export function variableNode({ value, place }: Variable): Tree {
  return scalar(value.trim(), place);
}
