import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { withMatrix } from "../../scripts/capability-matrix.ts";
import { adapterKinds } from "../../src/adapters/index.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/capabilities.md"), "utf8");

// Mutant seen red: one capability less for one model.
test("docs/capabilities.md has what the adapters know (node scripts/capability-matrix.ts writes it)", async () => {
  expect(page).toBe(await withMatrix(page));
});

test("docs/capabilities.md has every kind, each with the day and the source of its data", () => {
  const sections = page.split(/^### /m).slice(1);
  expect(sections.map((section) => /^`(\w+)`/.exec(section)?.[1])).toEqual(adapterKinds.map(({ kind }) => kind));
  for (const section of sections) expect(section).toMatch(/^As of \d{4}-\d{2}-\d{2}, from \S/m);
});
