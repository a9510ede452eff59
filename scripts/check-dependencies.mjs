/**
 * Checks the import rules of `.dependency-cruiser.mjs` over `src/`. A clean run alone proves little (a parser that
 * sees nothing also finds nothing), so each rule is first seen red on an import planted in a copy of the sources,
 * and a run over no modules fails.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cruise } from "dependency-cruiser";
import configuration from "../.dependency-cruiser.mjs";

const root = join(import.meta.dirname, "..");

/**
 * One import per rule that the rule must refuse: `[rule, importing file, imported path]`. Both files are made when
 * they are not there.
 * @type {readonly (readonly [string, string, string])[]}
 */
const plants = [
  ["gen-layer", "src/gen/planted.ts", "../errors.ts"],
  ["contract-layer", "src/contract/planted.ts", "../router/planted-target.ts"],
  ["adapters-layer", "src/adapters/planted.ts", "../config/planted-target.ts"],
  ["router-layer", "src/router/planted.ts", "../adapters/mock/planted-target.ts"],
  ["server-layer", "src/server/planted.ts", "../adapters/planted-target.ts"],
  ["client-layer", "src/client/planted.ts", "../errors.ts"],
  ["features-hang-off-the-router", "src/config/planted.ts", "../router/planted-target.ts"],
  ["features-apart", "src/config/planted-too.ts", "../telemetry/planted-target.ts"],
  ["providers-apart", "src/adapters/mock/planted.ts", "../openai/planted-target.ts"],
  ["shared-at-the-bottom", "src/planted.ts", "./router/planted-target.ts"],
  ["composition-root-on-top", "src/server/planted-too.ts", "../main.ts"],
  ["sources-without-tests", "src/cli/planted.ts", "../../test/planted-target.ts"],
  ["provider-sdks-in-adapters", "src/router/planted-too.ts", "openai"],
  ["wires-at-the-edges", "src/adapters/planted-too.ts", "@grpc/grpc-js"],
  ["declared-dependencies", "src/cli/planted-too.ts", "fast-check"],
  ["resolvable", "src/cli/planted-three.ts", "./nowhere.ts"],
  ["no-cycles", "src/cli/planted-four.ts", "./planted-four-back.ts"],
];

/**
 * @param {string} directory a checkout
 * @returns {Promise<import("dependency-cruiser").ICruiseResult>}
 */
async function cruiseSources(directory) {
  const { options, ...ruleSet } = configuration;
  const { output } = await cruise(["src"], { ...options, baseDir: directory, validate: true, ruleSet });
  if (typeof output === "string") throw new Error("dependency-cruiser printed a report instead of returning one");
  return output;
}

/** @param {string} copy an empty directory that becomes a copy of the sources with every plant in it */
function plantAll(copy) {
  for (const name of ["src", "package.json"]) cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  /** @param {string} path @param {string} text @param {"w" | "wx"} flag */
  const write = (path, text, flag) => {
    mkdirSync(dirname(path), { recursive: true });
    try {
      writeFileSync(path, text, { flag });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
  };
  for (const [rule, file, target] of plants) {
    const path = join(copy, file);
    // A type import must be seen as well, so half of the plants are written as one.
    write(
      path,
      `import ${rule.length % 2 === 0 ? "type " : ""}{ planted } from "${target}";\nexport { planted };\n`,
      "w",
    );
    if (!target.startsWith(".") || rule === "resolvable") continue;
    const back = rule === "no-cycles" ? `import "./${file.split("/").at(-1)}";\n` : "";
    write(join(dirname(path), target), `${back}export const planted = 1;\n`, "wx");
  }
}

/** The rules that let their planted import pass, or that have no plant. */
async function blindRules() {
  const copy = mkdtempSync(join(tmpdir(), "dependency-rules-"));
  try {
    plantAll(copy);
    const { summary } = await cruiseSources(copy);
    /** @param {string} rule @param {string} file */
    const isRed = (rule, file) =>
      summary.violations.some((found) => found.rule.name === rule && found.from.startsWith(file.replace(".ts", "")));
    const red = plants.filter(([rule, file]) => isRed(rule, file)).map(([rule]) => rule);
    return configuration.forbidden.map(({ name }) => name).filter((name) => !red.includes(name ?? ""));
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

const { summary, modules } = await cruiseSources(root);
const cruised = modules.filter(({ source }) => source.startsWith("src/")).length;
for (const { rule, from, to, cycle } of summary.violations) {
  const { comment } = configuration.forbidden.find(({ name }) => name === rule.name) ?? {};
  const path = cycle ? cycle.map(({ name }) => name).join(" -> ") : to;
  process.stderr.write(`${rule.name}: ${from} -> ${path}\n  ${comment}\n`);
}
const blind = cruised > 0 ? await blindRules() : [];
for (const name of blind) process.stderr.write(`${name}: let its planted import pass\n`);
if (cruised === 0) process.stderr.write("no module of src/ was seen: the parser is broken\n");
const seen = `${cruised} modules, ${summary.violations.length} violations`;
process.stdout.write(
  `${seen}; ${plants.length - blind.length} of ${plants.length} rules seen red on a planted import\n`,
);
if (cruised === 0 || blind.length > 0 || summary.violations.length > 0) process.exitCode = 1;
