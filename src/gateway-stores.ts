import { randomUUID } from "node:crypto";
import type { Config, DatabaseAddress, LedgerSettings } from "./config/config.ts";
import type { LedgerStore } from "./ledger/store.ts";
import { createMemoryStore } from "./ledger/stores/memory.ts";
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
  readonly streamStore: StreamStore;
}

/** Opens the stores that the configuration names. Throws a LedgerOpenError or a StateError, with nothing left open. */
export async function openStores(config: Config, log: Log): Promise<Stores> {
  const ledger = await openLedger(config, log);
  try {
    return { ledger, streamStore: await openStreamStore(config, log) };
  } catch (thrown) {
    await ledger.close();
    throw thrown;
  }
}

/** What the ledger in memory keeps: some 50 MB at most. */
const MEMORY_LEDGER = { maxSums: 100_000, maxAttemptIds: 10_000 } as const;

/** Opens what attempts are written down in. What only files, or only a database, need is loaded only for them. */
async function openLedger({ ledger: settings }: Config, log: Log): Promise<LedgerStore> {
  if (settings.store === "memory") return createMemoryStore(MEMORY_LEDGER);
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

/** Opens what streams are kept in. What only a shared store needs is loaded only for one. */
async function openStreamStore({ state, streams }: Config, log: Log): Promise<StreamStore> {
  const limits = { ...MEMORY_STREAMS, ...streams };
  if (state === undefined) return createMemoryStreamStore(limits, Date.now);
  const url = state.url.reveal();
  const { createValkeyStreamStore } = await import("./router/streams/valkey/valkey-store.ts");
  try {
    return await createValkeyStreamStore({ url, limits, owner: randomUUID(), nowMs: Date.now, log });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StateError(`cannot reach the shared state at ${new URL(url).host}: ${why}`, { cause });
  }
}
