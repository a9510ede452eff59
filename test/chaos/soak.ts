import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { soak } from "./soak/soak.ts";

// Half an hour of mixed calls against a gateway in a process of its own: `npm run soak`. CHAOS_SEED repeats the draws.
//
//   --minutes N     how long, 30 without it; more than 3, which count for nothing
//   --report FILE   the findings as lines, beside what is printed

const { values } = parseArgs({ options: { minutes: { type: "string", default: "30" }, report: { type: "string" } } });
/** What is held at the rate of the soak rises for some three minutes by 5 MiB, and then no more: measured minute by minute, in docs/reliability-report.md. */
const LEAST_WARM_UP_SECONDS = 180;

const seconds = 60 * Number(values.minutes);
const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));
const lines: string[] = [];
const say = (line: string): void => {
  console.log(line);
  lines.push(line);
};
say(`CHAOS_SEED=${seed}`);
const findings = await soak({
  seed,
  seconds,
  warmUpSeconds: Math.max(LEAST_WARM_UP_SECONDS, 0.2 * seconds),
  everySeconds: 10,
  boundRssMib: 1,
  boundHeldMib: 1,
  onSample: (line) => console.log(`  ${line}`),
});
for (const { text, failed } of findings) say(`  ${failed === true ? "FAILED " : ""}${text}`);
const failures = findings.filter(({ failed }) => failed === true).length;
say(`${findings.filter(({ failed }) => failed === false).length} passed, ${failures} failed`);
if (values.report !== undefined) writeFileSync(values.report, `${lines.join("\n")}\n`);
process.exitCode = failures === 0 ? 0 : 1;
