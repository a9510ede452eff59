import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config, DatabaseAddress, LedgerSettings } from "./config/config.ts";
import { ExecutionError } from "./errors.ts";
import { keptAlerts } from "./ledger/alerts/outbox.ts";
import { keptBudgets } from "./ledger/budgets/book.ts";
import type { CounterStore } from "./ledger/budgets/counter-store.ts";
import { createFilledCounters } from "./ledger/budgets/filled-counters.ts";
import { readBudget } from "./ledger/budgets/kept-budget.ts";
import { ledgerSource } from "./ledger/budgets/ledger-source.ts";
import { createMemoryCounters } from "./ledger/budgets/memory-counters.ts";
import { createOutageCounters } from "./ledger/budgets/outage-counters.ts";
import type { SharedBudgets } from "./ledger/budgets/valkey/shared-budgets.ts";
import { createWindowClock } from "./ledger/budgets/window-clock.ts";
import { LedgerOpenError } from "./ledger/open-error.ts";
import type { KeptRecord, RecordStore } from "./ledger/records.ts";
import type { LedgerStore } from "./ledger/store.ts";
import { createMemoryStore } from "./ledger/stores/memory.ts";
import { type Limit, limitId, loggedLimit } from "./limit.ts";
import { createMemoryStreamStore, MEMORY_STREAMS } from "./router/streams/memory-store.ts";
import type { StreamStore } from "./router/streams/store.ts";
import type { Log } from "./telemetry/log.ts";

/** The store that processes share cannot be reached. The message says where it was looked for. */
export class StateError extends Error {
  override readonly name = "StateError";
}

/** What a gateway keeps things in. Whoever is given them closes them. */
export interface Stores {
  readonly ledger: LedgerStore;
  /** The budgets that were defined at run time. */
  readonly keptBudgets: readonly KeptRecord[];
  readonly closeBudgets: () => Promise<void>;
  /** The alerts that an earlier process has found out about. */
  readonly keptAlerts: readonly KeptRecord[];
  /** Where budgets that are defined at run time are kept; with a shared state those of all processes. */
  readonly budgetRecords: RecordStore;
  /** Runs whenever the budgets of the run time, or what their counters began with, are not what this process knows. */
  readonly followBudgets: (onChange: () => Promise<void>) => void;
  readonly streamStore: StreamStore;
  /** What limits are counted by. */
  readonly counters: CounterStore;
  /**
   * Lets counters of limits begin with what the ledger has, now or as soon as it can be read: those that were not counted before, and of those that processes share
   * those that this ledger has not filled. Never rejects.
   */
  readonly fillCounters: (limits: readonly Limit[]) => Promise<void>;
}

/** What stores are opened with. */
export interface StoresOptions {
  readonly config: Config;
  readonly log: Log;
  /** Laid around counters in memory. */
  readonly watchCounters?: (counters: CounterStore) => CounterStore;
}

/** Opens the stores that the configuration names. Throws a LedgerOpenError or a StateError, with nothing left open. */
export async function openStores(options: StoresOptions): Promise<Stores> {
  const { config, log } = options;
  const ledger = await openLedger(config, log);
  const opened: { close(): Promise<void> }[] = [];
  try {
    const { counters, fillCounters } = await openCounters(options, ledger);
    opened.push(counters);
    const shared = await openSharedBudgets(config, ledger.records, log);
    if (shared !== undefined) opened.push(shared);
    const budgetRecords = shared ?? ledger.records;
    const [budgets, alerts] = await Promise.all([keptBudgets(budgetRecords), keptAlerts(ledger.records)]).catch(
      (thrown: unknown) => {
        throw shared === undefined && config.ledger.database === undefined
          ? ifUnreadable(thrown, config.ledger.directory)
          : thrown;
      },
    );
    const limits = [...budgets.map((record) => readBudget(record).limit), ...config.budgets];
    await fillCounters([...new Map(limits.map((limit) => [limitId(limit), limit])).values()]);
    const streamStore = await openStreamStore(config, log);
    return {
      ...{ ledger, counters, fillCounters, keptBudgets: budgets, keptAlerts: alerts, streamStore, budgetRecords },
      followBudgets: (onChange) => shared?.follow(onChange),
      closeBudgets: async () => shared?.close(),
    };
  } catch (thrown) {
    // Counters are filled from the ledger until they are closed.
    await Promise.all(opened.map((store) => store.close())).finally(() => ledger.close());
    throw thrown;
  }
}

/** A start that cannot read what the ledger keeps does not pass by itself, as it does for a call. */
function ifUnreadable(thrown: unknown, directory: string): unknown {
  if (!(thrown instanceof ExecutionError && thrown.reason === "LEDGER_UNAVAILABLE")) return thrown;
  const why = String(thrown.extras.cause ?? thrown.message);
  return new LedgerOpenError(
    `the ledger in ${directory} cannot be read (${why}); restore a backup, or move it away to begin a new one`,
    { cause: thrown },
  );
}

/** What the ledger in memory keeps: some 50 MB at most. */
const MEMORY_LEDGER = { maxSums: 100_000, maxAttemptIds: 10_000 } as const;

/** Opens what attempts are written down in. What only files, or only a database, need is loaded only for them. */
async function openLedger({ ledger: settings }: Config, log: Log): Promise<LedgerStore> {
  if (settings.store === "memory") return createMemoryStore({ ...MEMORY_LEDGER, metadataKeys: settings.metadataKeys });
  const store =
    settings.database === undefined ? openFiles(settings, log) : openDatabase(settings, settings.database, log);
  const { recovered } = await store;
  if (recovered > 0)
    log.warn("attempts that ran when the process before ended are settled as estimates", { recovered });
  return store;
}

async function openFiles(settings: LedgerSettings, log: Log) {
  const { openSqliteStore } = await import("./ledger/stores/sqlite/sqlite-store.ts");
  return openSqliteStore({
    ...ledgerOptions(settings),
    isSpool: false,
    onChange: (isWritable, why) => logWritable(log, isWritable, `the ledger in ${settings.directory}: ${why}`),
  });
}

async function openDatabase(settings: LedgerSettings, address: DatabaseAddress, log: Log) {
  const { openPostgresStore } = await import("./ledger/stores/postgres/postgres-store.ts");
  const { maxSpoolRows } = settings;
  return openPostgresStore({
    ...ledgerOptions(settings),
    database: { ...address, password: address.password.reveal() },
    maxSpoolRows,
    told: {
      writable: (isWritable, why) => logWritable(log, isWritable, why),
      reachable: (isReachable, why) => {
        if (isReachable) log.info("the ledger's database takes rows again");
        else
          log.error("the ledger's database takes no rows; they are kept in the spool, and costs cannot be read", why);
      },
      leftBehind: (rows) =>
        log.warn("rows stay in the spool; the next start with this data directory sends them on", { rows }),
    },
  });
}

function ledgerOptions({ directory, metadataKeys, keepRowsMs, keepMinutesMs, keepHoursMs }: LedgerSettings) {
  return {
    directory,
    metadataKeys,
    retention: { rowsMs: keepRowsMs, minutesMs: keepMinutesMs, hoursMs: keepHoursMs },
  };
}

function logWritable(log: Log, isWritable: boolean, why: string): void {
  if (isWritable) log.info("the ledger can be written to again; calls are taken");
  else log.error("the ledger cannot be written to; new calls are refused until it can", why);
}

/** Counters of budgets in memory: some 100 MB at most. */
const MAX_COUNTERS = 250_000;

/** How long what a process holds of shared budgets stays held when it is not heard of, in milliseconds. */
const LEASE_MS = 10_000;

/**
 * How long what the shared state has lost lets nothing through, in milliseconds. The least is what others need to notice (1 s), to let their roll-ups come after (1 s)
 * and to tell; the most is what a ledger may take that has noticed.
 */
const CLOSURE = { leastMs: 4_000, mostMs: 60_000 } as const;

/** Opens what limits are counted by. */
async function openCounters(
  { config: { state, ledger: settings }, log, watchCounters }: StoresOptions,
  ledger: LedgerStore,
): Promise<Pick<Stores, "counters" | "fillCounters">> {
  const own = (): CounterStore => {
    const clock = createWindowClock({ nowMs: Date.now, monotonicMs: () => performance.now() });
    const counters = createMemoryCounters({ clock, maxCounters: MAX_COUNTERS });
    return watchCounters === undefined ? counters : watchCounters(counters);
  };
  if (state === undefined) {
    const filled = createFilledCounters({
      counters: own(),
      ledger,
      nowMs: Date.now,
      wait: (ms, signal) => sleep(ms, undefined, { ref: false, signal }),
      onChange: (unfilled, why) => {
        if (unfilled === 0) log.info("all limits count what was used before; calls are taken under hard ones again");
        else
          log.error("what was used of limits cannot be read; no call is let through under hard ones", why, {
            unfilled,
          });
      },
    });
    return { counters: filled, fillCounters: filled.fill };
  }
  const { outageNanoUsd } = state;
  const source = await sourceOf(settings, ledger);
  const { createRefilledCounters } = await import("./ledger/budgets/valkey/refilled-counters.ts");
  const { createValkeyCounters } = await import("./ledger/budgets/valkey/valkey-counters.ts");
  const shared = await orStateError(state, (url) =>
    createValkeyCounters({ url, owner: randomUUID(), log, leaseMs: LEASE_MS, ...(source !== undefined && { source }) }),
  );
  const refilled = createRefilledCounters({
    counters: shared,
    ledger,
    nowMs: Date.now,
    closure: CLOSURE,
    wait: (ms, signal) => sleep(ms, undefined, { ref: false, signal }),
    onLost: (limit) =>
      log.warn("the shared state has lost what was used of a limit; it is filled anew", { limit: loggedLimit(limit) }),
  });
  const counters =
    outageNanoUsd === undefined
      ? refilled
      : createOutageCounters({ shared: refilled, own: own(), capNanoUsd: outageNanoUsd });
  return { counters, fillCounters: refilled.fill };
}

/** The name of the ledger that shared counters are filled from. A database is everybody's, and what is in memory is gone with the process. */
async function sourceOf({ store }: LedgerSettings, { records }: LedgerStore): Promise<string | undefined> {
  if (store === "memory") return undefined;
  return store === "postgres" ? "database" : ledgerSource(records, randomUUID, Date.now);
}

/** From one look for budgets that others have changed to the next, in milliseconds. */
const LOOK_MS = 1_000;

/** Opens what budgets of the run time are shared by; undefined if nothing is shared. */
async function openSharedBudgets({ state }: Config, own: RecordStore, log: Log): Promise<SharedBudgets | undefined> {
  if (state === undefined) return undefined;
  const { createSharedBudgets } = await import("./ledger/budgets/valkey/shared-budgets.ts");
  return orStateError(state, (url) => createSharedBudgets({ url, log, own, newId: randomUUID, everyMs: LOOK_MS }));
}

/** Opens what streams are kept in. What only a shared store needs is loaded only for one. */
async function openStreamStore({ state, streams }: Config, log: Log): Promise<StreamStore> {
  const limits = { ...MEMORY_STREAMS, ...streams };
  if (state === undefined) return createMemoryStreamStore(limits, Date.now);
  const { createValkeyStreamStore } = await import("./router/streams/valkey/valkey-store.ts");
  return orStateError(state, (url) =>
    createValkeyStreamStore({ url, limits, owner: randomUUID(), nowMs: Date.now, log }),
  );
}

/** What is opened at the shared state, or a StateError. */
async function orStateError<Store>(
  { url }: NonNullable<Config["state"]>,
  open: (url: string) => Promise<Store>,
): Promise<Store> {
  const text = url.reveal();
  try {
    return await open(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StateError(`cannot reach the shared state at ${new URL(text).host}: ${why}`, { cause });
  }
}
