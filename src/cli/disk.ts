import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { errorCode } from "../config/error-code.ts";

/** Something that was looked at: what it was like, so that a change of it can be told. */
export interface Seen {
  /** Directory in which a change of it shows. */
  readonly directory: string;
  /** True if it is not as it was. */
  hasChanged(): boolean;
}

/** Reads files, and remembers what was looked at: the files that were there, and those that were not. */
export interface Disk {
  /** The text of a file, without a byte order mark; undefined if there is none. Throws if it cannot be read or is not UTF-8. */
  readFile(path: string): string | undefined;
  /** Names of what is in a directory; none if it is not there. */
  listFiles(path: string): readonly string[];
  /** Permission bits of a file, undefined if they are not known. */
  fileMode(path: string): number | undefined;
  /** By path. */
  readonly seen: ReadonlyMap<string, Seen>;
}

/** Creates a disk that has not looked at anything yet. Of what it reads it keeps hashes only. */
export function createDisk(): Disk {
  const seen = new Map<string, Seen>();
  const remember = (path: string, directory: string, print: () => string): void => {
    // What was seen first is what was used first.
    if (seen.has(path)) return;
    const was = print();
    seen.set(path, { directory, hasChanged: () => print() !== was });
  };
  return {
    seen,
    readFile: (path) => {
      remember(path, dirname(path), () => printOf(() => readText(path)));
      return readText(path);
    },
    listFiles: (path) => {
      // Which variables there are depends on which such files there are; whatever else comes and goes is nobody's business here.
      remember(`${path}/*.env`, path, () =>
        printOf(() =>
          list(path)
            .filter((name) => name.endsWith(".env"))
            .join("/"),
        ),
      );
      return list(path);
    },
    fileMode: (path) => {
      const mode = statSync(path, { throwIfNoEntry: false })?.mode;
      return mode === undefined ? undefined : mode & 0o777;
    },
  };
}

function readText(path: string): string | undefined {
  const bytes = ifThere(() => readFileSync(path));
  return bytes === undefined ? undefined : decode(bytes);
}

/** Text without its byte order mark. Other encodings would become names and keys that nobody wrote. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (thrown) {
    throw Object.assign(new Error("not UTF-8", { cause: thrown }), { code: "it is not UTF-8" });
  }
}

function list(path: string): readonly string[] {
  return ifThere(() => readdirSync(path)) ?? [];
}

function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (thrown) {
    if (errorCode(thrown) === "ENOENT" || errorCode(thrown) === "ENOTDIR") return undefined;
    throw thrown;
  }
}

function printOf(read: () => string | undefined): string {
  try {
    const text = read();
    return text === undefined ? "absent" : createHash("sha256").update(text).digest("hex");
  } catch (thrown) {
    return errorCode(thrown);
  }
}
