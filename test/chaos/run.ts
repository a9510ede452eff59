import { parseArgs } from "node:util";
import { abortedStreams } from "./aborted-streams.ts";
import { abuse } from "./abuse.ts";
import { deadProvider } from "./dead-provider.ts";
import { logBound } from "./log-bound.ts";
import { createReporter } from "./report.ts";
import type { Finding, Scenario } from "./scenario.ts";
import { soakSmoke } from "./soak/soak.ts";
import { stalledReaders } from "./stalled-readers.ts";

// Runs the scenarios one after the other against a gateway in a process of its own: `npm run chaos`. Bounds in time and memory are checked
// here and not in the test suite, because they need a quiet process. CHAOS_SEED repeats a run.
//
//   --long          the long form of each scenario
//   --only NAME     scenarios whose name begins so; `abuse:reset|zero` only the attacks whose name that matches
//   --except NAME   all scenarios but those whose name begins so
//   --report FILE   the findings of each scenario in its place on a page, beside what is printed

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
const all: Finding[] = [];
const isWanted = (name: string): boolean =>
  name.startsWith(wanted) && (values.except === undefined || !name.startsWith(values.except));
for (const { scenario, short, long } of plan.filter(({ scenario: { name } }) => isWanted(name))) {
  const { name } = scenario;
  const reporter = createReporter();
  const size = values.long === true ? long : short;
  reporter.say(`CHAOS_SEED=${seed}`);
  reporter.say(`${name}:`);
  const findings = await scenario.run({ seed, size, ...(only === undefined ? {} : { only }) });
  for (const { text, failed } of findings) reporter.say(`  ${failed === true ? "FAILED " : ""}${text}`);
  reporter.say(`  ${count(findings, false)} bounds held, ${count(findings, true)} not`);
  all.push(...findings);
  const script = values.long === true ? "chaos:long" : "chaos";
  reporter.write(values.report, { name, command: `npm run ${script} -- --only "${name}"` });
}
console.log(`${count(all, false)} passed, ${count(all, true)} failed`);
process.exitCode = count(all, true) === 0 ? 0 : 1;

function count(findings: readonly Finding[], failed: boolean): number {
  return findings.filter((finding) => finding.failed === failed).length;
}
