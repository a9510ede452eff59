import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { createDatabase } from "../../../src/ledger/stores/postgres/database.ts";
import type { Random } from "../../emulators/random.ts";
import { type DatabaseFault, startFaultyDatabase } from "../../support/database-faults.ts";
import { type Row, rowOf } from "./reconcile.ts";

/** A database that gateways keep their ledger in, and that goes away now and then. */
export interface LedgerDatabase {
  /** Variables of a gateway that keeps its ledger there. */
  readonly environment: Readonly<Record<string, string>>;
  /** What happens to it in a round: nothing, or it is killed, stalled or full, each in turn. */
  fault(round: number): DatabaseFault | undefined;
  /** Its rows, once it has as many as a spool; after a minute whatever it has. */
  rows(directory: string): Promise<readonly Row[]>;
  close(): Promise<void>;
}

const DATABASE = "ledger";

/** Starts a database with nothing in it. */
export async function startLedgerDatabase(random: Random): Promise<LedgerDatabase> {
  const { server, killed, stalled, full, disk, close } = await startFaultyDatabase(DATABASE);
  const { host, port, user, password } = server.settings(DATABASE);
  const database = createDatabase(server.settings(DATABASE), 1);
  const faults = [undefined, killed, stalled, full];
  console.log(disk === "tmpfs" ? "the database's disk is a tmpfs" : "no tmpfs can be mounted: a trigger says full");
  const count = (): Promise<number> =>
    database.use(async (connection) => {
      const [row] = await connection.query("SELECT count(*) FROM execution_platform.attempts");
      return Number(row?.[0]);
    });
  return {
    environment: {
      // That it is away is meant.
      EP_LOG_LEVEL: "silent",
      EP_LEDGER_STORE: "postgres",
      EP_LEDGER_URL: `postgres://${user}:${password}@${host}:${port}/${DATABASE}`,
    },
    fault: (round) => {
      const fault = faults[round % faults.length];
      // Some of what runs before it is found to be away, and some after.
      return fault && { begin: () => fault.begin().then(() => sleep(random() * 300)), end: () => fault.end() };
    },
    rows: async (directory) => {
      const wanted = settledIn(directory);
      const endMs = performance.now() + 60_000;
      while (performance.now() < endMs && (await count().catch(() => 0)) < wanted) await sleep(50);
      return database.use(async (connection) => {
        const rows = await connection.query(
          `SELECT metadata::json ->> 'call', input_tokens, output_tokens, cost_nano_usd, outcome, reason FROM execution_platform.attempts`,
        );
        return rows.map(([call, input_tokens, output_tokens, cost_nano_usd, outcome, reason]) =>
          rowOf({ call, input_tokens, output_tokens, cost_nano_usd, outcome, reason }),
        );
      });
    },
    close: async () => {
      database.close();
      await close();
    },
  };
}

function settledIn(directory: string): number {
  const db = new DatabaseSync(join(directory, "data", "ledger.db"), { readOnly: true });
  try {
    return Number(db.prepare("SELECT count(*) AS n FROM attempts").get()?.n);
  } finally {
    db.close();
  }
}
