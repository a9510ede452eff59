import { abortedStreams } from "./aborted-streams.ts";
import { deadProvider } from "./dead-provider.ts";
import type { Scenario } from "./scenario.ts";
import { stalledReaders } from "./stalled-readers.ts";

// Runs the scenarios one after the other against a gateway in a process of its own: `npm run chaos`. Bounds in time and memory are checked
// here and not in the test suite, because they need a quiet process. CHAOS_SEED repeats a run.

const plan: readonly { readonly scenario: Scenario; readonly size: number }[] = [
  { scenario: abortedStreams, size: 1000 },
  { scenario: stalledReaders, size: 100 },
  { scenario: deadProvider, size: 5 },
];

const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`CHAOS_SEED=${seed}`);
let passed = 0;
let failed = 0;
for (const { scenario, size } of plan) {
  console.log(`${scenario.name}:`);
  for (const finding of await scenario.run({ seed, size })) {
    console.log(`  ${finding.failed === true ? "FAILED " : ""}${finding.text}`);
    if (finding.failed === true) failed += 1;
    else if (finding.failed === false) passed += 1;
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
