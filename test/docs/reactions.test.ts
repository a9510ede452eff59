import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { withReactions } from "../../scripts/reactions-table.ts";
import { configSchema } from "../../src/config/file-schema.ts";
import { parseYaml } from "../../src/config/yaml.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/resilience.md"), "utf8");

// Mutant seen red: a reason that is retried once more than the page says.
test("docs/resilience.md has the reactions as they are (node scripts/reactions-table.ts writes them)", () => {
  expect(page).toBe(withReactions(page));
});

test("docs/resilience.md has an example that the configuration takes", () => {
  const [, example = ""] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  const problems: string[] = [];
  const tree = parseYaml(example, (_place, message) => problems.push(message));
  if (tree === undefined) throw new Error(`it is no YAML: ${problems.join("; ")}`);
  configSchema.read(tree, [], {
    problem: (path, message) => problems.push(`${path.join(".")}: ${message}`),
    origin: () => undefined,
  });
  expect(problems).toEqual([]);
});
