import { expect, test } from "@jest/globals";
import { withRun } from "./report.ts";

const at = new Date("2026-01-02T03:04:05Z");
const run = { name: "flood", command: "npm run chaos -- --only flood", lines: ["flood:", "  held"] };
const page = (middle: string): string =>
  `# Page\n\n<!-- run: flood -->\n${middle}<!-- end of run -->\n\nWords about it.\n`;

// Mutants seen red: the whole page is written anew; the end is looked for from the page's beginning.
test("a run takes the place of the one before it, and what stands around it stays", () => {
  const other = "<!-- run: other -->\nkept\n<!-- end of run -->\n";
  const written = withRun(`${other}${page("before\n")}${other}`, run, at);
  expect(written).not.toContain("before");
  expect(written.split(other)).toHaveLength(3);
  expect(written).toContain("Words about it.");
  expect(written).toMatch(
    /`npm run chaos -- --only flood`, 2026-01-02, commit [^,]+, Node v[\d.]+, .*:\n\n```text\nflood:\n {2}held\n```\n<!-- end of run -->/,
  );
  expect(withRun(written, run, at)).toBe(written);
});

test("a run that has no place yet comes last, and one without an end is refused", () => {
  const written = withRun("# Page\n", run, at);
  expect(written.startsWith("# Page\n\n## flood\n\n<!-- run: flood -->\n")).toBe(true);
  expect(withRun(written, run, at)).toBe(written);
  expect(() => withRun("<!-- run: flood -->\n", run, at)).toThrow("the run flood has no end on the page");
});
