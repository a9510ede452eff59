import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSettings } from "../../src/ledger/stores/postgres/database.ts";
import {
  openPostgresStore,
  type PostgresStore,
  type PostgresStoreOptions,
} from "../../src/ledger/stores/postgres/postgres-store.ts";
import { SUITE_METADATA_KEYS } from "../ledger/store-suite.ts";
import type { PostgresServer } from "../support/postgres-server.ts";

/** Where a ledger is; what is absent is as for any. */
export interface LedgerPlace {
  readonly database: string;
  /** Of the spool; without it a new one. */
  readonly directory?: string;
  readonly maxSpoolRows?: number;
  readonly metadataKeys?: readonly string[];
  /** Without it everything is kept. */
  readonly retention?: PostgresStoreOptions["retention"];
  /** Other than the server's, such as a proxy's. */
  readonly settings?: Partial<DatabaseSettings>;
}

/** Ledgers of a test, and what they said. */
export interface Ledgers {
  /** A database with nothing in it. */
  newDatabase(): string;
  newDirectory(): string;
  open(place: LedgerPlace): Promise<PostgresStore>;
  /** How many rows a database has, of how many attempts, and their cost; and the same of its sums by day. */
  counts(database: string): {
    readonly rows: number;
    readonly cost: number;
    readonly summed: number;
    readonly summedCost: number;
  };
  /** What the ledgers have told, in order. */
  readonly told: readonly string[];
  /** Takes the directories away. */
  close(): Promise<void>;
}

const FOR_EVER_MS = 100_000 * 86_400_000;
const FOR_EVER = { rowsMs: FOR_EVER_MS, minutesMs: FOR_EVER_MS, hoursMs: FOR_EVER_MS };

/** Creates the ledgers of a test. */
export function createLedgers(server: PostgresServer): Ledgers {
  const directories: string[] = [];
  const told: string[] = [];
  let databases = 0;
  const newDirectory = (): string => {
    const directory = mkdtempSync(join(tmpdir(), "ep-spool-"));
    directories.push(directory);
    return directory;
  };
  return {
    told,
    newDirectory,
    newDatabase: () => {
      databases += 1;
      server.psql("postgres", `CREATE DATABASE ledger_${databases}`);
      return `ledger_${databases}`;
    },
    counts: (database) => {
      const [rows, cost, summed, summedCost] = server
        .psql(
          database,
          `SELECT (SELECT count(*) FROM execution_platform.attempts), (SELECT coalesce(sum(cost_nano_usd), 0) FROM execution_platform.attempts),
             coalesce(sum(attempts), 0), coalesce(sum(cost_nano_usd), 0) FROM execution_platform.sums WHERE grain = 2 AND level = 0`,
        )
        .split("|")
        .map(Number);
      return { rows: rows ?? 0, cost: cost ?? 0, summed: summed ?? 0, summedCost: summedCost ?? 0 };
    },
    open: ({ database, directory = newDirectory(), maxSpoolRows = 1_000_000, retention = FOR_EVER, ...place }) =>
      openPostgresStore({
        directory,
        database: { ...server.settings(database), ...place.settings },
        retention,
        metadataKeys: place.metadataKeys ?? SUITE_METADATA_KEYS,
        maxSpoolRows,
        told: {
          writable: (isWritable, why) => told.push(isWritable ? "writable" : `not writable: ${why}`),
          reachable: (isReachable, why) => told.push(isReachable ? "reachable" : `not reachable: ${why}`),
          leftBehind: (rows) => told.push(`left behind: ${rows}`),
        },
      }),
    close: async () => {
      for (const directory of directories) rmSync(directory, { recursive: true, force: true });
    },
  };
}
