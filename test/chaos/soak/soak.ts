import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "../../emulators/random.ts";
import type { Observation } from "../observe.ts";
import { type ObservedGateway, startObserved } from "../observed.ts";
import type { Finding, Scenario } from "../scenario.ts";
import { type Callers, openCallers } from "./callers.ts";
import { slopeOf } from "./fit.ts";
import { startSoakProvider } from "./provider.ts";

const MIB = 1024 * 1024;
const PER_SECOND = 70;
const FAULTY = 0.01;

/** So many streams are known once they have ended, so that what is kept of them has stopped growing when measuring begins. */
const KNOWN_STREAMS = 10_000;
const WARM_UP_AT_ONCE = 48;
const LOG_SECONDS = 20;

/** How long a gateway that nobody calls has to come to rest, and how long it must be the same before it counts as that. */
const QUIET_SECONDS = 60;
const SAME_SECONDS = 8;

/** A soak, and what it is measured by. */
interface SoakOptions {
  readonly seed: number;
  readonly seconds: number;
  /** How much of the beginning counts for nothing. */
  readonly warmUpSeconds: number;
  readonly everySeconds: number;
  /** Most that memory may grow in ten minutes, in MiB: what is resident, and what is held once garbage is collected. */
  readonly boundRssMib: number;
  readonly boundHeldMib: number;
  /** Told of each sample. */
  readonly onSample?: (line: string) => void;
}

interface Sample extends Observation {
  readonly atSeconds: number;
}

/** How a call may end while its provider fails, or the machine has no time for the gateway. Anything else is a fault of the gateway's. */
const EXPECTED = /^(finished|left|resumed|repeated|OVERLOADED|NO_HEALTHY_TARGET|UPSTREAM_\w+|PROVIDER_\w+)$/;

/**
 * Mixed callers at a modest rate for a long time, 1 % of them leaving and some coming back, and a provider that fails in seven ways 1 % of the time.
 * What the process holds must not grow, and all must be given back when the callers have gone. Mutants seen red: a listener on the drain's signal
 * that each call leaves behind.
 */
export async function soak(options: SoakOptions): Promise<readonly Finding[]> {
  const random = createRandom(options.seed);
  const provider = await startSoakProvider({ random, faulty: FAULTY, delayMs: 40 });
  const gateway = await startObserved(configuration(provider.baseUrl));
  try {
    const callers = openCallers(gateway, random);
    await warmUp(callers);
    const before = await quiet(gateway);
    const samples = await load(gateway, callers, options);
    const after = await quiet(gateway, before);
    return report({ options, samples, before, after, callers, faults: provider.faults, isAlive: gateway.alive() });
  } finally {
    await gateway.stop();
    await provider.close();
  }
}

/** The short form, for `npm run chaos`. Its bounds are loose, since a minute says little of ten. */
export const soakSmoke: Scenario = {
  name: "soak",
  run: ({ seed, size }) =>
    soak({ seed, seconds: size, warmUpSeconds: 0.4 * size, everySeconds: 3, boundRssMib: 300, boundHeldMib: 60 }),
};

function configuration(baseUrl: string): string {
  return `providers:
  soak:
    kind: openai
    base_url: "${baseUrl}/v1"
    timeouts: { idle: 1s }
personas:
  default: { candidates: [{ provider: soak, model: one }] }
streams: { log_time: ${LOG_SECONDS}s, continue_time: 5s }
`;
}

async function warmUp(callers: Callers): Promise<void> {
  let left = 1.1 * KNOWN_STREAMS;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await callers.call();
    }
  };
  await Promise.all(Array.from({ length: WARM_UP_AT_ONCE }, worker));
}

/** What a gateway holds when nobody calls: nothing has changed for some seconds, or, with `before`, it is as it was then. */
async function quiet(gateway: ObservedGateway, before?: Observation): Promise<Observation> {
  let now = await gateway.observe("collect");
  // Idle connections to the provider and unattended calls end by themselves.
  for (let same = 0, seconds = 0; same < SAME_SECONDS && seconds < QUIET_SECONDS; seconds += 1) {
    if (before !== undefined && leftovers(before, now).length === 0) break;
    const last = now;
    await sleep(1000);
    now = await gateway.observe("collect");
    same =
      before === undefined && leftovers(last, now).length === 0 && leftovers(now, last).length === 0 ? same + 1 : 0;
  }
  return now;
}

/** Kinds of handles of which there are more than before, and other things that were not given back. */
function leftovers(before: Observation, after: Observation): readonly string[] {
  const handles = Object.entries(after.handles)
    .filter(([kind, count]) => count > (before.handles[kind] ?? 0))
    .map(([kind, count]) => `${count} ${kind} where there were ${before.handles[kind] ?? 0}`);
  const listeners =
    after.listeners > before.listeners ? [`${after.listeners} listeners where there were ${before.listeners}`] : [];
  const { calls, requestBytes, streams } = after.held;
  const held =
    calls + requestBytes + streams > 0 ? [`${calls} slots, ${requestBytes} request bytes, ${streams} streams`] : [];
  return [...handles, ...listeners, ...held];
}

/** Calls at the rate, none waiting for another, and samples at its times; ends when every call has. */
async function load(
  gateway: ObservedGateway,
  callers: Callers,
  { seconds, everySeconds, onSample }: SoakOptions,
): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const running = new Set<Promise<void>>();
  const startedMs = performance.now();
  const elapsed = (): number => (performance.now() - startedMs) / 1000;
  let over = false;
  const calling = async (): Promise<void> => {
    for (let made = 0; !over; await sleep(10)) {
      for (; made < elapsed() * PER_SECOND; made += 1) {
        const call = callers.call().finally(() => running.delete(call));
        running.add(call);
      }
    }
  };
  const calls = calling();
  while (elapsed() < seconds) {
    await sleep(Math.max(0, Math.min((samples.length + 1) * everySeconds, seconds) - elapsed()) * 1000);
    const sample = { ...(await gateway.observe("collect")), atSeconds: elapsed() };
    samples.push(sample);
    onSample?.(`${lineOf(sample)}; ${countsOf(unexpectedOf(callers)) || "no call ended as none should"}`);
  }
  over = true;
  await calls;
  await Promise.all(running);
  return samples;
}

function lineOf({
  atSeconds,
  rssBytes,
  heapBytes,
  heldBytes,
  cpuMs,
  handles,
  listeners,
  held,
  targets,
  open,
}: Sample): string {
  const count = Object.values(handles).reduce((sum, each) => sum + each, 0);
  return `${atSeconds.toFixed(0)} s: rss ${mib(rssBytes)}, heap ${mib(heapBytes)}, held ${mib(heldBytes)}, logs ${mib(held.logBytes)} MiB; ${held.calls} calls, ${held.streams} streams, ${count} handles, ${listeners} listeners, ${open} of ${targets} breakers not closed; ${(cpuMs / 1000).toFixed(1)} s CPU`;
}

interface Reported {
  readonly options: SoakOptions;
  readonly samples: readonly Sample[];
  readonly before: Observation;
  readonly after: Observation;
  readonly callers: Callers;
  readonly faults: ReadonlyMap<string, number>;
  readonly isAlive: boolean;
}

function report({ options, samples, before, after, callers, faults, isAlive }: Reported): readonly Finding[] {
  const counted = samples.filter(({ atSeconds }) => atSeconds >= options.warmUpSeconds);
  const perTenMinutes = (value: (sample: Sample) => number): number =>
    slopeOf(counted.map((sample) => ({ x: sample.atSeconds / 600, y: value(sample) / MIB })));
  const rss = perTenMinutes(({ rssBytes }) => rssBytes);
  const held = perTenMinutes(({ heldBytes }) => heldBytes);
  const most = (value: (sample: Sample) => number): number => Math.max(...samples.map(value));
  const [first, last] = [samples[0], samples.at(-1)];
  const share = first && last ? (last.cpuMs - first.cpuMs) / 10 / (last.atSeconds - first.atSeconds) : 0;
  const total = [...callers.outcomes.values()].reduce((sum, each) => sum + each, 0);
  const unexpected = unexpectedOf(callers);
  const left = leftovers(before, after);
  return [
    {
      text: `${options.seconds} s, ${total} calls over gRPC, Connect, gRPC-Web and SSE, ${share.toFixed(0)} % of a core; ${counted.length} samples count`,
      // No line can be fitted to them, and a slope of nothing is within every bound.
      failed: counted.length < 2,
    },
    { text: `calls ended so: ${countsOf(callers.outcomes)}`, failed: unexpected.size > 0 },
    { text: `the provider's faults: ${countsOf(faults)}` },
    {
      text: `resident ${mib(counted[0]?.rssBytes ?? 0)} to ${mib(last?.rssBytes ?? 0)} MiB, ${rss.toFixed(2)} MiB in ten minutes, bound ${options.boundRssMib}`,
      failed: rss > options.boundRssMib,
    },
    {
      text: `held ${mib(counted[0]?.heldBytes ?? 0)} to ${mib(last?.heldBytes ?? 0)} MiB, ${held.toFixed(2)} MiB in ten minutes, bound ${options.boundHeldMib}`,
      failed: held > options.boundHeldMib,
    },
    {
      text: `at most ${most((each) => each.held.calls)} calls and ${mib(most((each) => each.held.logBytes))} MiB of logs at once`,
    },
    {
      text:
        left.length === 0 ? "handles, listeners, slots and bytes are as before" : `not given back: ${left.join(", ")}`,
      failed: left.length > 0,
    },
    { text: `the gateway is ${isAlive ? "alive" : "gone"}`, failed: !isAlive },
  ];
}

function unexpectedOf({ outcomes }: Callers): ReadonlyMap<string, number> {
  return new Map([...outcomes].filter(([outcome]) => !EXPECTED.test(outcome)));
}

function countsOf(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .toSorted(([, one], [, other]) => other - one)
    .map(([name, count]) => `${count} ${name}`)
    .join(", ");
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
