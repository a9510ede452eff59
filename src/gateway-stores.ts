import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config, DatabaseAddress, LedgerSettings } from "./config/config.ts";
import { keptAlerts } from "./ledger/alerts/outbox.ts";
import { keptBudgets } from "./ledger/budgets/book.ts";
import type { CounterStore } from "./ledger/budgets/counter-store.ts";
import { createFilledCounters } from "./ledger/budgets/filled-counters.ts";
import { readBudget } from "./ledger/budgets/kept-budget.ts";
import { createMemoryCounters } from "./ledger/budgets/memory-counters.ts";
import { createOutageCounters } from "./ledger/budgets/outage-counters.ts";
import { createWindowClock } from "./ledger/budgets/window-clock.ts";
import type { KeptRecord } from "./ledger/records.ts";
import type { LedgerStore } from "./ledger/store.ts";
import { createMemoryStore } from "./ledger/stores/memory.ts";
import { type Limit, limitId } from "./limit.ts";
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
  /** The alerts that an earlier process has found out about. */
  readonly keptAlerts: readonly KeptRecord[];
  readonly streamStore: StreamStore;
  /** What limits are counted by. */
  readonly counters: CounterStore;
  /**
   * Lets counters of limits that were not counted before begin with what the ledger has, now or as soon as it can be read. Those that processes share were
   * counted before. Never rejects.
   */
  readonly fillCounters: (limits: readonly Limit[]) => Promise<void>;
}

/** Opens the stores that the configuration names. Throws a LedgerOpenError or a StateError, with nothing left open. */
export async function openStores(config: Config, log: Log): Promise<Stores> {
  const ledger = await openLedger(config, log);
  const opened: { close(): Promise<void> }[] = [ledger];
  try {
    const { counters, fillCounters } = await openCounters(config, ledger, log);
    opened.push(counters);
    const [budgets, alerts] = await Promise.all([keptBudgets(ledger.records), keptAlerts(ledger.records)]);
    const limits = [...budgets.map((record) => readBudget(record).limit), ...config.budgets];
    await fillCounters([...new Map(limits.map((limit) => [limitId(limit), limit])).values()]);
    const streamStore = await openStreamStore(config, log);
    return { ledger, counters, fillCounters, keptBudgets: budgets, keptAlerts: alerts, streamStore };
  } catch (thrown) {
    await Promise.all(opened.map((store) => store.close()));
    throw thrown;
  }
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
    onChange: (isWritable, why) => logWritable(log, isWritable, why),
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

/** Opens what limits are counted by. */
async function openCounters(
  { state }: Config,
  ledger: LedgerStore,
  log: Log,
): Promise<Pick<Stores, "counters" | "fillCounters">> {
  const own = (): CounterStore => {
    const clock = createWindowClock({ nowMs: Date.now, monotonicMs: () => performance.now() });
    return createMemoryCounters({ clock, maxCounters: MAX_COUNTERS });
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
  const { createValkeyCounters } = await import("./ledger/budgets/valkey/valkey-counters.ts");
  const shared = await orStateError(state, (url) =>
    createValkeyCounters({ url, owner: randomUUID(), log, leaseMs: LEASE_MS }),
  );
  const counters =
    outageNanoUsd === undefined ? shared : createOutageCounters({ shared, own: own(), capNanoUsd: outageNanoUsd });
  return { counters, fillCounters: async () => undefined };
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
