import { randomUUID } from "node:crypto";
import type { Config } from "./config/config.ts";
import type { CounterStore } from "./ledger/budgets/counter-store.ts";
import { createMemoryCounters } from "./ledger/budgets/memory-counters.ts";
import { createOutageCounters } from "./ledger/budgets/outage-counters.ts";
import { seedCounters } from "./ledger/budgets/seed.ts";
import { createWindowClock } from "./ledger/budgets/window-clock.ts";
import type { LedgerStore } from "./ledger/store.ts";
import { createMemoryStore } from "./ledger/stores/memory.ts";
import type { Limit } from "./limit.ts";
import { createMemoryStreamStore, MEMORY_STREAMS, type MemoryStreamLimits } from "./router/streams/memory-store.ts";
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
  /** What limits are counted by. */
  readonly counters: CounterStore;
  /**
   * Lets counters of limits that were not counted before begin with what the ledger has. Counters that processes share are left as they are: each process
   * would add the same.
   */
  readonly fillCounters: (limits: readonly Limit[]) => Promise<void>;
}

/** What the ledger in memory keeps: some 50 MB at most. */
const MEMORY_LEDGER = { maxSums: 100_000, maxAttemptIds: 10_000 } as const;

/** Counters of budgets in memory: some 100 MB at most. */
const MAX_COUNTERS = 250_000;

/** How long what a process holds of shared budgets stays held when it is not heard of, in milliseconds. */
const LEASE_MS = 10_000;

/** Opens the stores that the configuration names, those that are shared loaded only then. Throws a StateError, with nothing left open. */
export async function openStores(config: Config, log: Log): Promise<Stores> {
  const ledger = createMemoryStore(MEMORY_LEDGER);
  const { streams, state, budgets } = config;
  const limits = { ...MEMORY_STREAMS, ...streams };
  if (state !== undefined) return { ledger, ...(await openShared(state, limits, log)) };
  const counters = createOwnCounters();
  const fillCounters = (added: readonly Limit[]): Promise<void> =>
    seedCounters({ counters, ledger, nowMs: Date.now }, added);
  await fillCounters(budgets);
  return { ledger, counters, fillCounters, streamStore: createMemoryStreamStore(limits, Date.now) };
}

function createOwnCounters(): CounterStore {
  const clock = createWindowClock({ nowMs: Date.now, monotonicMs: () => performance.now() });
  return createMemoryCounters({ clock, maxCounters: MAX_COUNTERS });
}

async function openShared(
  { url: secretUrl, outageNanoUsd }: NonNullable<Config["state"]>,
  limits: MemoryStreamLimits,
  log: Log,
): Promise<Omit<Stores, "ledger">> {
  const url = secretUrl.reveal();
  const owner = randomUUID();
  const [{ createValkeyStreamStore }, { createValkeyCounters }] = await Promise.all([
    import("./router/streams/valkey/valkey-store.ts"),
    import("./ledger/budgets/valkey/valkey-counters.ts"),
  ]);
  let counters: CounterStore | undefined;
  try {
    counters = await createValkeyCounters({ url, owner, log, leaseMs: LEASE_MS });
    const streamStore = await createValkeyStreamStore({ url, limits, owner, nowMs: Date.now, log });
    const goesOn = outageNanoUsd !== undefined;
    return {
      counters: goesOn
        ? createOutageCounters({ shared: counters, own: createOwnCounters(), capNanoUsd: outageNanoUsd })
        : counters,
      streamStore,
      fillCounters: async () => undefined,
    };
  } catch (cause) {
    await counters?.close();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StateError(`cannot reach the shared state at ${new URL(url).host}: ${why}`, { cause });
  }
}
