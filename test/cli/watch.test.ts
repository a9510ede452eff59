import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createDisk } from "../../src/cli/disk.ts";
import { createFileWatch, type FileWatch } from "../../src/cli/watch.ts";
import { startProgram } from "../support/serve.ts";
import { waitFor, within } from "../support/wait.ts";

let directory: string;
let files: FileWatch;
let changes: number;
let blind: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ep-watch-"));
  changes = 0;
  blind = [];
  files = createFileWatch({
    onChange: () => {
      changes += 1;
    },
    onBlind: (path, reason) => blind.push(`${path}: ${reason}`),
  });
});
afterEach(() => {
  files.close();
  rmSync(directory, { recursive: true, force: true });
});

const at = (name: string): string => join(directory, name);

/** Long enough for the watch to have come to rest: its own timers are shorter and began before. */
const rest = (): Promise<void> => sleep(300);

/** Looks at files as loading a configuration does, watches what was looked at, and lets the first look pass. */
async function look(...names: readonly string[]): Promise<void> {
  const disk = createDisk();
  for (const name of names) disk.readFile(at(name));
  disk.listFiles(directory);
  files.arm(disk.seen);
  await rest();
}

const changed = (): Promise<unknown> => waitFor(() => changes > 0, { what: "the change" });

describe("a change of a file is told", () => {
  test.each<[string, () => void]>([
    ["is written in place", () => writeFileSync(at("a.yaml"), "new")],
    [
      "is written in steps",
      () => {
        for (const text of ["", "n", "ne", "new"]) writeFileSync(at("a.yaml"), text);
      },
    ],
    [
      "is replaced by renaming another to its place, as editors do",
      () => {
        writeFileSync(at("a.yaml~"), "new");
        renameSync(at("a.yaml~"), at("a.yaml"));
      },
    ],
    ["is taken away", () => unlinkSync(at("a.yaml"))],
    ["appears where there was none", () => writeFileSync(at("b.yaml"), "new")],
    ["of variables appears that nobody has looked at", () => writeFileSync(at("EP_more.env"), "A=1")],
  ])("that %s, once", async (_, change) => {
    writeFileSync(at("a.yaml"), "old");
    await look("a.yaml", "b.yaml");
    change();
    await changed();
    expect(changes).toBe(1);
  });

  // Mutant seen red: only the directory of the link watched.
  test("that a link leads to, wherever it is", async () => {
    mkdirSync(at("real"));
    writeFileSync(at("real/a.yaml"), "old");
    symlinkSync(at("real/a.yaml"), at("a.yaml"));
    await look("a.yaml");
    writeFileSync(at("real/a.yaml"), "new");
    await changed();
  });

  test("whose directory is a link that is turned, as volumes of Kubernetes do", async () => {
    for (const version of ["1", "2"]) {
      mkdirSync(at(version));
      writeFileSync(at(`${version}/a.yaml`), version);
    }
    symlinkSync(at("1"), at("..data"));
    symlinkSync("..data/a.yaml", at("a.yaml"));
    await look("a.yaml");
    symlinkSync(at("2"), at("..next"));
    renameSync(at("..next"), at("..data"));
    await changed();
  });

  // Mutant seen red: no look at the files when the watch begins.
  test("that happened after it was read and before it was watched", async () => {
    writeFileSync(at("a.yaml"), "old");
    const disk = createDisk();
    disk.readFile(at("a.yaml"));
    writeFileSync(at("a.yaml"), "new");
    files.arm(disk.seen);
    await changed();
  });
});

describe("a watch", () => {
  // Mutant seen red: every event of the directory taken for a change.
  test("tells nothing of files that nobody looked at, nor of one that is as it was", async () => {
    writeFileSync(at("a.yaml"), "same");
    await look("a.yaml");
    writeFileSync(at("other"), "new");
    await rest();
    writeFileSync(at("a.yaml"), "same");
    await rest();
    expect(changes).toBe(0);
    writeFileSync(at("a.yaml"), "new");
    await changed();
  });

  test("says once that it cannot see a directory, and goes on with the others", async () => {
    await look("missing/a.yaml", "b.yaml");
    await look("missing/a.yaml", "b.yaml");
    expect(blind).toEqual([`${at("missing")}: ENOENT`]);
    writeFileSync(at("b.yaml"), "new");
    await changed();
  });

  test("keeps no process alive", async () => {
    const modules = ["disk", "watch"].map((name) =>
      JSON.stringify(join(import.meta.dirname, `../../src/cli/${name}.ts`)),
    );
    const program = at("program.ts");
    writeFileSync(
      program,
      `import { createDisk } from ${modules[0]};\nimport { createFileWatch } from ${modules[1]};\nconst disk = createDisk();\n` +
        `disk.readFile(${JSON.stringify(at("a.yaml"))});\ncreateFileWatch({ onChange() {}, onBlind() {} }).arm(disk.seen);\n`,
    );
    const { ended, child } = startProgram([], { main: program });
    expect(await within(ended, { what: "its end" }).finally(() => child.kill("SIGKILL"))).toBe(0);
  });
});
