import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "@jest/globals";

const root = join(import.meta.dirname, "..", "..", "..");
const folder = join(import.meta.dirname, "parrot");

/** What an adapter may import beside its own folder: what stands beside the adapters' folders, the contract, and what is everybody's. */
const ALLOWED = /^src\/(adapters\/(?!index\.ts)[^/]+\.ts|contract\/.+|gen\/.+|(?!main\.ts|gateway\.ts)[^/]+\.ts)$/;

// Mutants seen red: an import of the router in the example; one of another adapter's folder.
test("the example imports what an adapter may, and nothing else of the sources", () => {
  const files = readdirSync(folder);
  expect(files.toSorted()).toEqual(["errors.ts", "index.ts", "models.ts", "request.ts", "stream.ts"]);
  const imported = files.flatMap((file) => {
    const text = readFileSync(join(folder, file), "utf8");
    return [...text.matchAll(/(?:from|import\() ?"([^"]+)"/g)].map(([, specifier = ""]) => ({ file, specifier }));
  });
  expect(imported.length).toBeGreaterThan(20);
  const strange = imported.filter(({ specifier }) => {
    if (!specifier.startsWith(".")) return true;
    const path = resolve(folder, specifier);
    return dirname(path) !== folder && !ALLOWED.test(relative(root, path));
  });
  expect(strange).toEqual([]);
});
