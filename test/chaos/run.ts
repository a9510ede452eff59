import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { abortedStreams } from "./aborted-streams.ts";
import { abuse } from "./abuse.ts";
import { deadProvider } from "./dead-provider.ts";
import { logBound } from "./log-bound.ts";
import type { Scenario } from "./scenario.ts";
import { soakSmoke } from "./soak/soak.ts";
import { stalledReaders } from "./stalled-readers.ts";

// Runs the scenarios one after the other against a gateway in a process of its own: `npm run chaos`. Bounds in time and memory are checked
// here and not in the test suite, because they need a quiet process. CHAOS_SEED repeats a run.
//
//   --long          the long form of each scenario
//   --only NAME     scenarios whose name begins so; `abuse:reset|zero` only the attacks whose name that matches
//   --except NAME   all scenarios but those whose name begins so
//   --report FILE   the findings as a page, beside what is printed

const plan: readonly { readonly scenario: Scenario; readonly short: number; readonly long: number }[] = [
  { scenario: abortedStreams, short: 1000, long: 10_000 },
  { scenario: stalledReaders, short: 100, long: 200 },
  { scenario: abuse, short: 1500, long: 20_000 },
  { scenario: deadProvider, short: 5, long: 20 },
  { scenario: logBound, short: 10, long: 60 },
  { scenario: soakSmoke, short: 60, long: 300 },
];

const { values } = parseArgs({
  options: {
    long: { type: "boolean" },
    only: { type: "string" },
    except: { type: "string" },
    report: { type: "string" },
  },
});
const [wanted = "", only] = values.only?.split(":") ?? [];
const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));
const lines: string[] = [];
const say = (line: string): void => {
  console.log(line);
  lines.push(line);
};
say(`CHAOS_SEED=${seed}`);
let passed = 0;
let failed = 0;
const isWanted = (name: string): boolean =>
  name.startsWith(wanted) && (values.except === undefined || !name.startsWith(values.except));
for (const { scenario, short, long } of plan.filter(({ scenario: { name } }) => isWanted(name))) {
  say(`${scenario.name}:`);
  const size = values.long === true ? long : short;
  for (const finding of await scenario.run({ seed, size, ...(only === undefined ? {} : { only }) })) {
    say(`  ${finding.failed === true ? "FAILED " : ""}${finding.text}`);
    if (finding.failed === true) failed += 1;
    else if (finding.failed === false) passed += 1;
  }
}
say(`${passed} passed, ${failed} failed`);
if (values.report !== undefined) writeFileSync(values.report, page(lines));
process.exitCode = failed === 0 ? 0 : 1;

function page(found: readonly string[]): string {
  const form = values.long === true ? "long" : "short";
  const head = `Written by \`npm run chaos -- --report\` on ${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${form} form.`;
  return `# Reliability report\n\n${head}\nWhat each line means stands in [testing](testing.md#chaos).\n\n\`\`\`text\n${found.join("\n")}\n\`\`\`\n`;
}
