import { createHash } from "node:crypto";
import { type Limit, limitId } from "../../../limit.ts";
import { type ConnectionLog, connectValkey, type Script } from "../../../valkey.ts";
import { amountOf, fitsEver } from "../affordable.ts";
import type { Claim, CounterName, Grant, Reservation, Standing, Wanted } from "../counter-store.ts";
import { orUnavailable } from "./answered.ts";
import { createFillMarks } from "./fill-marks.ts";
import { RAISE } from "./fill-scripts.ts";
import { type MarkedCounters, notFilled, UnfilledError } from "./refilled-counters.ts";
import { ADD, EXTEND, RENEW, RESERVE, SETTLE } from "./scripts.ts";

/** What counters at a server are made of. */
export interface ValkeyCountersOptions {
  /** Such as `redis://user:password@host:6379/0`, `rediss:` for TLS. */
  readonly url: string;
  /** Id of this process, unique among its peers. */
  readonly owner: string;
  readonly log: ConnectionLog;
  /** How long what a process holds stays held when it is silent, in milliseconds. */
  readonly leaseMs: number;
  /** Name of the ledger that counters begin with; absent if it knows nothing that a server could lose. */
  readonly source?: string;
}

/** How often a process says that it lives in the time for which that holds. */
const BEATS = 4;

/** All names have one hash tag, so that they are in one place. */
const CLOCK = "ep:{budgets}:clock";
const LEASES = "ep:{budgets}:leases";
const leaseName = (id: string): string => `ep:{budgets}:lease:${id}`;
/** What tenants and end users are called does not become part of a name. */
const counterName = ({ limit, subject }: CounterName): string =>
  `ep:{budgets}:counter:${createHash("sha256")
    .update(limitId(limit) + subject)
    .digest("base64url")}`;

/**
 * Connects to a Valkey or Redis server (7 or later, one primary) at which processes count together: each method is one script, and time is the server's.
 * What a process holds is held for `leaseMs` after it was last heard of; then places it took are free, and what else it held counts as used. Methods reject
 * with LEDGER_UNAVAILABLE while the server cannot be reached. Rejects if it cannot be reached now.
 */
export async function createValkeyCounters(options: ValkeyCountersOptions): Promise<MarkedCounters> {
  const { owner, leaseMs, source } = options;
  const valkey = await connectValkey(options.url, options.log);
  const life = String(leaseMs);
  /** What each reservation holds, a claim after the other. */
  const held = new Map<string, bigint[]>();
  let reservations = 0;
  let renewing: Promise<void> | undefined;
  const marks = createFillMarks({ valkey, keys: [CLOCK, LEASES], owner, source, lifeMs: leaseMs, beats: BEATS });

  const run = async (
    script: Script,
    keys: readonly string[],
    values: readonly string[],
  ): Promise<readonly string[]> => {
    const answer = valkey.run(script, [CLOCK, LEASES, ...keys], [life, ...values]);
    const reply = (await orUnavailable(answer)) as readonly unknown[];
    return reply.map(String);
  };
  const renew = async (): Promise<void> => {
    const leases = [...held.keys()].map(leaseName);
    await marks.live();
    // What cannot be told now is told again before the lease is over.
    if (leases.length > 0) await valkey.run(RENEW, [CLOCK, LEASES], [life, ...leases]).catch(() => undefined);
  };
  const beating = setInterval(() => {
    renewing ??= renew().finally(() => {
      renewing = undefined;
    });
  }, leaseMs / BEATS);
  beating.unref();
  await marks.live();

  const keysOf = ({ id, claims }: Reservation): readonly string[] => [leaseName(id), ...claims.map(counterName)];
  const grant = async (
    script: Script,
    reservation: Reservation,
    claims: readonly Claim[],
    wanted: Wanted,
  ): Promise<Grant | Unfilled> => {
    const had = held.get(reservation.id) ?? [];
    const values = claims.flatMap((claim, index) => [
      ...[claim.limit.window, runs(claim), String(had[index] ?? 0n), claim.limit.mode === "hard" ? "1" : "0"],
      ...[claim.limit.amount, claim.fixed, claim.perUnit].map(String),
    ]);
    const [kind, ...rest] = await run(script, keysOf(reservation), [
      String(wanted.most),
      String(wanted.least),
      ...values,
      ...marks.argumentsOf(claims.map(({ limit }) => limit)),
    ]);
    if (kind === "closed") return { kind: "unfilled", limits: [] };
    if (kind === "unfilled") return { kind, limits: rest.flatMap((index) => claims[Number(index)]?.limit ?? []) };
    if (kind === "refused") return refusedOf(claims, wanted, rest);
    const units = Number(rest[0]);
    return { kind: "granted", units, standings: standingsOf(claims, rest.slice(1)) };
  };
  const settle = async (reservation: Reservation, used: readonly bigint[]): Promise<readonly Standing[]> => {
    const had = held.get(reservation.id);
    if (had === undefined) return [];
    held.delete(reservation.id);
    const values = reservation.claims.flatMap((claim, index) => [
      ...[claim.limit.window, runs(claim)],
      ...[had[index] ?? 0n, used[index] ?? 0n].map(String),
    ]);
    return standingsOf(reservation.claims, await run(SETTLE, keysOf(reservation), values));
  };
  const forgetting = new Set<Promise<void>>();
  const forget = (reservation: Reservation): void => {
    held.set(reservation.id, []);
    const done = settle(reservation, []).then(
      () => undefined,
      () => undefined,
    );
    forgetting.add(done);
    done.finally(() => forgetting.delete(done)).catch(() => undefined);
  };
  const addTo = async (name: CounterName, amount: bigint): Promise<Standing> => {
    const reply = await run(ADD, ["", counterName(name)], [name.limit.window, String(amount)]);
    const [standing] = standingsOf([name], reply);
    if (standing === undefined) throw new TypeError("the server said nothing");
    return standing;
  };

  return {
    reserve: async (claims, wanted) => {
      reservations += 1;
      const reservation = { id: `${owner}:${reservations}`, claims };
      const answer = await grant(RESERVE, reservation, claims, wanted).catch((thrown: unknown) => {
        // It may have been done, or be done yet, though nobody knows.
        forget(reservation);
        throw thrown;
      });
      if (answer.kind === "unfilled") throw unfilledError(answer);
      if (answer.kind === "refused") return answer;
      held.set(
        reservation.id,
        claims.map((claim) => amountOf(claim, answer.units)),
      );
      return { ...answer, reservation };
    },
    extend: async (reservation, wanted) => {
      const more = reservation.claims.map((claim) => ({ ...claim, fixed: 0n }));
      const answer = await grant(EXTEND, reservation, more, wanted);
      if (answer.kind === "unfilled") throw unfilledError(answer);
      const had = held.get(reservation.id);
      if (answer.kind === "granted" && had !== undefined) {
        held.set(
          reservation.id,
          had.map((amount, index) => amount + BigInt(answer.units) * (more[index]?.perUnit ?? 0n)),
        );
      }
      return answer;
    },
    settle,
    add: async (name, amount) => {
      await addTo(name, amount);
    },
    raise: async (name, amount, windowStartMs) => {
      const values = [name.limit.window, String(amount), ...marks.ownArguments(name.limit), String(windowStartMs)];
      await run(RAISE, ["", counterName(name)], values);
    },
    unfilled: marks.unfilled,
    mark: marks.mark,
    finish: marks.finish,
    peek: (name) => addTo(name, 0n),
    close: async () => {
      clearInterval(beating);
      await Promise.all([renewing, ...forgetting]);
      await marks.leave();
      await valkey.close();
    },
  };
}

/** Limits that a server does not know enough of; none where others have to tell it yet. */
interface Unfilled {
  readonly kind: "unfilled";
  readonly limits: readonly Limit[];
}

function unfilledError({ limits }: Unfilled): Error {
  return limits.length === 0 ? notFilled() : new UnfilledError(limits);
}

/** `1` for a counter of what runs at this moment. */
function runs({ limit }: CounterName): string {
  return limit.window === "now" ? "1" : "0";
}

function standingsOf(names: readonly CounterName[], reply: readonly string[]): readonly Standing[] {
  return names.map((name, index) => standingOf(name, reply.slice(3 * index)));
}

function standingOf({ limit, subject }: CounterName, reply: readonly string[]): Standing {
  const [start = "0", settled = "0", reserved = "0"] = reply;
  return { limit, subject, windowStartMs: Number(start), settled: BigInt(settled), reserved: BigInt(reserved) };
}

function refusedOf(claims: readonly Claim[], wanted: Wanted, reply: readonly string[]): Grant {
  const refusals = [];
  for (let at = 0; at < reply.length; at += 5) {
    const claim = claims[Number(reply[at])];
    const untilMs = reply[at + 4] ?? "";
    if (claim === undefined) continue;
    refusals.push({
      ...standingOf(claim, reply.slice(at + 1)),
      ...(untilMs !== "" && fitsEver(claim, wanted) && { retryAfterMs: Number(untilMs) }),
    });
  }
  return { kind: "refused", refusals };
}
