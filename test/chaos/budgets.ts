import { spawn } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";

// 1,000 calls of $0.10 at once against a hard $1.00, at a provider that bills a fifth more input, thinks 10,000 tokens in secret and tells its usage last, after a
// pause: in the router alone, in one whole gateway, and in four processes over Valkey or Redis. Seeds decide which calls are refused, cut, dropped or left, how many
// tokens come, and when. Each step of the counters is seen. `npm run chaos:budgets -- --seeds 20`; the suites run a few of them.

const { values } = parseArgs({ options: { seeds: { type: "string", default: "20" } } });
const root = join(import.meta.dirname, "..", "..");

const RUNS = [
  ["jest.config.js", "test/router/budgets/lease.test.ts"],
  ["jest.config.js", "test/e2e/budgets.test.ts"],
  ["jest.valkey.config.js", "test/valkey/budgets.test.ts"],
] as const;

let failed = 0;
for (const [config, file] of RUNS) {
  console.log(`=== ${file}, seeds 1 to ${values.seeds}`);
  const options = [
    "--disable-warning=ExperimentalWarning",
    "--experimental-vm-modules",
    "node_modules/jest/bin/jest.js",
  ];
  const jest = [...options, "--config", config, "--verbose", "-t", "seed", file];
  const child = spawn(process.execPath, jest, {
    cwd: root,
    env: { ...process.env, EP_TEST_SEEDS: values.seeds },
    stdio: "inherit",
  });
  const status = await new Promise<number | null>((resolve) => {
    child.once("exit", resolve);
  });
  if (status !== 0) failed += 1;
}
console.log(failed === 0 ? "nothing was overshot" : `${failed} of ${RUNS.length} failed`);
process.exitCode = failed === 0 ? 0 : 1;
