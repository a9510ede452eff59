import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createReporter } from "./report.ts";

// 1,000 calls of $0.10 at once against a hard $1.00, at a provider that bills a fifth more input, thinks 10,000 tokens in secret and tells its usage last, after a
// pause: in the router alone, in one whole gateway, and in four processes over Valkey or Redis. Seeds decide which calls are refused, cut, dropped or left, how many
// tokens come, and when. Each step of the counters is seen. `npm run chaos:budgets -- --seeds 20`; the suites run a few of them. With `--report FILE` what came
// of them takes its place on a page.

const { values } = parseArgs({ options: { seeds: { type: "string", default: "20" }, report: { type: "string" } } });
const root = join(import.meta.dirname, "..", "..");

const RUNS = [
  { of: "in the router", config: "jest.config.js", file: "test/router/budgets/lease.test.ts" },
  { of: "in one gateway", config: "jest.config.js", file: "test/e2e/budgets.test.ts" },
  {
    of: "in four processes over Valkey or Redis",
    config: "jest.valkey.config.js",
    file: "test/valkey/budgets.test.ts",
  },
] as const;

const { say, write } = createReporter();
const work = mkdtempSync(join(tmpdir(), "ep-chaos-budgets-"));
let failed = 0;
for (const { of, config, file } of RUNS) {
  const results = join(work, "results.json");
  const options = [
    "--disable-warning=ExperimentalWarning",
    "--experimental-vm-modules",
    "node_modules/jest/bin/jest.js",
  ];
  const output = ["--json", `--outputFile=${results}`, "--verbose"];
  const child = spawn(process.execPath, [...options, "--config", config, ...output, "-t", "seed", file], {
    cwd: root,
    env: { ...process.env, EP_TEST_SEEDS: values.seeds },
    stdio: ["ignore", "ignore", "inherit"],
  });
  await new Promise((resolve) => {
    child.once("exit", resolve);
  });
  const { numPassedTests: held, numFailedTests: broken } = resultsOf(results);
  const isGood = held === Number(values.seeds) && broken === 0;
  if (!isGood) failed += 1;
  say(`${isGood ? "" : "FAILED "}${of}: ${held} seeds without an overshoot, ${broken} with one or another fault`);
}
rmSync(work, { recursive: true });
say(failed === 0 ? "nothing was overshot" : `${failed} of ${RUNS.length} failed`);
write(values.report, { name: "budgets", command: `npm run chaos:budgets -- --seeds ${values.seeds}` });
process.exitCode = failed === 0 ? 0 : 1;

/** What jest wrote down; nothing held if it did not come to that. */
function resultsOf(file: string): { readonly numPassedTests: number; readonly numFailedTests: number } {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0 };
  } finally {
    rmSync(file, { force: true });
  }
}
