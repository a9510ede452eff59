import { parseArgs } from "node:util";
import { createReporter } from "./report.ts";
import { soak } from "./soak/soak.ts";

// Half an hour of mixed calls against a gateway in a process of its own, after ten minutes that do not count: `npm run soak`. CHAOS_SEED repeats the draws.
//
//   --minutes N     how long, 30 without it, beside the ten
//   --report FILE   the findings in their place on a page, beside what is printed

const { values } = parseArgs({ options: { minutes: { type: "string", default: "30" }, report: { type: "string" } } });
/**
 * What is held at the rate of the soak rises for some six minutes, and the pages V8 has for it for some ten, as it leaves more and more of them half full;
 * then neither does any more: measured minute by minute, in docs/reliability-report.md.
 */
const WARM_UP_SECONDS = 600;

const seconds = WARM_UP_SECONDS + 60 * Number(values.minutes);
const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));
const { say, write } = createReporter();
say(`CHAOS_SEED=${seed}`);
const findings = await soak({
  seed,
  seconds,
  warmUpSeconds: WARM_UP_SECONDS,
  everySeconds: 10,
  boundRssMib: 1,
  boundHeldMib: 1,
  onSample: (line) => console.log(`  ${line}`),
});
for (const { text, failed } of findings) say(`  ${failed === true ? "FAILED " : ""}${text}`);
const failures = findings.filter(({ failed }) => failed === true).length;
say(`${findings.filter(({ failed }) => failed === false).length} passed, ${failures} failed`);
write(values.report, { name: "soak for long", command: `npm run soak -- --minutes ${values.minutes}` });
process.exitCode = failures === 0 ? 0 : 1;
