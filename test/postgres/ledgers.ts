import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSettings } from "../../src/ledger/stores/postgres/database.ts";
import { openPostgresStore, type PostgresStore } from "../../src/ledger/stores/postgres/postgres-store.ts";
import type { PostgresServer } from "../support/postgres-server.ts";

/** Where a ledger is; what is absent is as for any. */
export interface LedgerPlace {
  readonly database: string;
  /** Of the spool; without it a new one. */
  readonly directory?: string;
  readonly maxSpoolRows?: number;
  /** Other than the server's, such as a proxy's. */
  readonly settings?: Partial<DatabaseSettings>;
}

/** Ledgers of a test, and what they said. */
export interface Ledgers {
  /** A database with nothing in it. */
  newDatabase(): string;
  newDirectory(): string;
  open(place: LedgerPlace): Promise<PostgresStore>;
  /** What the ledgers have told, in order. */
  readonly told: readonly string[];
  /** Takes the directories away. */
  close(): Promise<void>;
}

const days = (count: number): number => count * 86_400_000;

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
    open: ({ database, directory = newDirectory(), maxSpoolRows = 1_000_000, settings }) =>
      openPostgresStore({
        directory,
        database: { ...server.settings(database), ...settings },
        retention: { rowsMs: days(100_000), minutesMs: days(100_000), hoursMs: days(100_000) },
        metadataKeys: [],
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
