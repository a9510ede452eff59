import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createRandom, type Random } from "../../emulators/random.ts";
import type { DatabaseFault } from "../../support/database-faults.ts";
import { createReporter } from "../report.ts";
import { AIMS } from "./aims.ts";
import { type Pace, startBiller } from "./biller.ts";
import { type Callers, createCallers } from "./callers.ts";
import { startLedgerDatabase } from "./database.ts";
import { type KillableGateway, startAndKill, startGateway } from "./gateway.ts";
import { judge, type Phase, type Row, readRows, writtenWithinMs } from "./reconcile.ts";
import { wireOf } from "./wires.ts";

// Kills a gateway with 32 running streams at random and at aimed moments, starts it again on the same ledger, and holds every row against the bill that
// the provider keeps by itself: `npm run chaos:ledger -- --rounds 200`. CHAOS_SEED repeats the moments that are drawn, though not what they meet.
//
// No attempt that was billed may be without a row, none may have two, a row of an answer that came whole is exact, an estimate lacks no more than one
// checkpoint (256 tokens, or what came in a second, whichever is sooner), whoever saw `finished` has a settled row, and the roll-ups are the sums of the rows.
// Calls are made on the wires of three providers in turn.
//
// With `--store postgres` the rows are those of a database, which is killed, stalled and out of disk in turn while the gateway is killed. With `--report FILE`
// what was found takes its place on a page.
//
// Mutants seen red: the row is not waited for before the request leaves; the commit is not waited for at the end of an attempt; attempts are settled at a
// start and stay open, with ids that need not be unique; nothing is noted while streaming; it is noted after 512 tokens; it is
// noted after so many tokens and not after a second.

const STREAMS = 32;

const WARM_MS = 600;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "60" },
    store: { type: "string", default: "sqlite" },
    report: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));
const { say, write } = createReporter();
say(`CHAOS_SEED=${seed}`);

const directory = mkdtempSync(join(tmpdir(), "ep-chaos-ledger-"));
const biller = await startBiller();
const database = values.store === "postgres" ? await startLedgerDatabase(createRandom(seed - 1)) : undefined;
const setting = { directory, providerUrl: biller.baseUrl, environment: database?.environment ?? {} };
const hits = new Map<Phase, number>();
const kills = new Map<string, number>();
const missing = new Map<string, number[]>();
const waits: number[] = [];
const problems: string[] = [];
let calls = 0;
let restartsKilled = 0;

/** A life of the gateway that is over. */
interface Life {
  readonly callers: Callers;
  readonly killedAtMs: number;
  /** What the database suffers still. */
  readonly fault: DatabaseFault | undefined;
}

let before: Life | undefined;
for (let round = 0; round <= rounds && problems.length < 20; round += 1) {
  const gateway = await startGateway(setting);
  // The database may be away until the gateway of after it runs.
  await before?.fault?.end();
  if (before !== undefined) await reconcile(gateway.httpPort, before);
  if (round < rounds) before = await live(gateway, createRandom(seed + round), round);
  else await gateway.kill();
  if (round % 20 === 19) console.log(`  ${round + 1} rounds, ${calls} calls, ${problems.length} problems`);
}
report();
await biller.close();
await database?.close();
rmSync(directory, { recursive: true, force: true });

/** Lets the gateway live until it is killed. */
async function live(gateway: KillableGateway, random: Random, round: number): Promise<Life> {
  const callers = createCallers(gateway.httpPort, calls);
  const state = { isOver: false };
  const running = Array.from({ length: STREAMS }, () => keepCalling(callers, random, state));
  await untilAllStream(callers);
  const fault = database?.fault(round);
  await fault?.begin();
  const aims = Object.entries(AIMS);
  const [name, aim] = aims[round % aims.length] ?? [];
  // A gateway's first commits take longest, and would be the measure of all that is due.
  if (aim !== AIMS.random) await sleep(WARM_MS);
  const hasCome = await aim?.({ directory, biller, callers, random });
  if (name !== undefined && hasCome === true) kills.set(name, (kills.get(name) ?? 0) + 1);
  state.isOver = true;
  const killedAtMs = Date.now();
  await gateway.kill();
  await Promise.all(running);
  callers.close();
  calls += callers.calls.length;
  if (random() < 0.25) {
    restartsKilled += 1;
    await startAndKill(setting, 80 + random() * 300);
  }
  const isOver = random() < 0.5;
  if (isOver) await fault?.end();
  return { callers, killedAtMs, fault: isOver ? undefined : fault };
}

/**
 * An answer, short or long. In the pauses of one that comes in bursts nothing is on its way, so that just what is due can be asked of its estimate: 192 tokens are
 * noted because a second is over, and of 496 the first 256 because they are so many.
 */
function drawPace(random: Random): Pace {
  const kind = random();
  if (kind < 0.2) return { pieces: 48, atOnce: 12, everyMs: 1_500 };
  if (kind < 0.4) return { pieces: 124, atOnce: 31, everyMs: 700 };
  return { pieces: 4 + Math.floor(random() ** 2 * 250), atOnce: 1, everyMs: 12 };
}

/** Calls again and again until it is over. */
async function keepCalling(callers: Callers, random: Random, state: { readonly isOver: boolean }): Promise<void> {
  while (!state.isOver) {
    await new Promise<void>((resolve) => {
      callers.begin(drawPace(random), resolve);
    });
  }
}

async function untilAllStream(callers: Callers): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (callers.calls.filter(({ textBytes }) => textBytes > 0).length < STREAMS && performance.now() < endMs)
    await sleep(5);
}

/** Holds what a life left, which the next one has taken up, against the bill. */
async function reconcile(httpPort: number, { callers, killedAtMs }: Life): Promise<void> {
  const { rows: spooled, open } = readRows(directory);
  const rows = Map.groupBy(database === undefined ? spooled : await database.rows(directory), ({ call }) => call);
  if (open > 0) problems.push(`${open} attempts are open after a start`);
  problems.push(...(await comparedSums(httpPort, rows)));
  const writtenMs = writtenWithinMs(callers.calls, biller.bills, killedAtMs);
  waits.push(writtenMs);
  for (const call of callers.calls) {
    const bills = biller.bills.filter((bill) => bill.call === call.call);
    const verdict = judge(call, bills, rows.get(call.call) ?? [], { killedAtMs, writtenMs });
    hits.set(verdict.phase, (hits.get(verdict.phase) ?? 0) + 1);
    if (verdict.missingTokens !== undefined) {
      const { kind } = wireOf(call.call);
      missing.set(kind, [...(missing.get(kind) ?? []), verdict.missingTokens]);
    }
    problems.push(...verdict.problems);
  }
}

/** The roll-ups against the rows, over all rounds. */
async function comparedSums(httpPort: number, rows: ReadonlyMap<number, readonly Row[]>): Promise<readonly string[]> {
  const answer = await fetch(`http://127.0.0.1:${httpPort}/v1/costs?start_time=2020-01-01T00:00:00Z`);
  const { total } = (await answer.json()) as {
    readonly total: { readonly attempts: string; readonly costNanoUsd: string };
  };
  const all = [...rows.values()].flat();
  const cost = all.reduce((sum, { costNanoUsd }) => sum + (costNanoUsd ?? 0n), 0n);
  if (total.attempts === String(all.length) && total.costNanoUsd === String(cost)) return [];
  return [`Costs has ${total.attempts} attempts and ${total.costNanoUsd} nano-USD, the rows ${all.length} and ${cost}`];
}

function report(): void {
  say(`${rounds} rounds, ${calls} calls, ${biller.bills.length} billed; ${restartsKilled} restarts were killed too`);
  say(`hit: ${[...hits].map(([phase, count]) => `${phase} ${count}`).join(", ")}`);
  for (const [kind, tokens] of missing) {
    say(`estimates of ${kind}: ${tokens.length}; output tokens they lack: ${spread(tokens)}`);
  }
  say(`until a checkpoint that is due is on the disk, in milliseconds: ${spread(waits)}`);
  say(`kills: ${[...kills].map(([name, count]) => `${name} ${count}`).join(", ")}`);
  for (const problem of problems) say(`FAILED ${problem}`);
  const aimed: readonly Phase[] = ["before the row", "row to send", "streaming", "settle to finished"];
  const unmet = aimed.filter((phase) => (hits.get(phase) ?? 0) < rounds / 10);
  for (const phase of unmet) say(`FAILED ${phase} was hit ${hits.get(phase) ?? 0} times in ${rounds} rounds`);
  const unaimed = Object.keys(AIMS).filter((name) => (kills.get(name) ?? 0) < rounds / 10);
  for (const name of unaimed) say(`FAILED only ${kills.get(name) ?? 0} kills of ${rounds} were aimed at ${name}`);
  const failed = problems.length + unmet.length + unaimed.length;
  say(`${Math.max(0, calls - problems.length)} passed, ${failed} failed`);
  const isPostgres = database !== undefined;
  write(values.report, {
    name: isPostgres ? "ledger on PostgreSQL" : "ledger",
    command: `npm run chaos:ledger -- --rounds ${rounds}${isPostgres ? " --store postgres" : ""}`,
  });
  process.exitCode = failed === 0 ? 0 : 1;
}

/** Half of some numbers, and the worst of them. */
function spread(numbers: readonly number[]): string {
  const sorted = numbers.toSorted((one, other) => one - other);
  return `half at most ${sorted[Math.floor(sorted.length / 2)] ?? 0}, the worst ${sorted.at(-1) ?? 0}`;
}
