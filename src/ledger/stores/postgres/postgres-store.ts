import { ExecutionError } from "../../../errors.ts";
import { LedgerOpenError } from "../../open-error.ts";
import type { LedgerStore } from "../../store.ts";
import type { Retention } from "../sqlite/retention.ts";
import { openSqliteStore, type SqliteStore } from "../sqlite/sqlite-store.ts";
import type { DatabaseSettings } from "./database.ts";
import { type ShipperNews, type ShipperThread, startShipperThread } from "./shipper-thread.ts";
import { createSpoolBound, type SpoolBound } from "./spool-bound.ts";

/** How a ledger is kept in a database, with a spool in a directory. */
export interface PostgresStoreOptions {
  /** Of the spool. Made if it is not there. */
  readonly directory: string;
  readonly database: DatabaseSettings;
  readonly retention: Retention;
  /** Names of metadata that roll-ups keep apart. */
  readonly metadataKeys: readonly string[];
  /** Most rows that the spool may hold for the database. */
  readonly maxSpoolRows: number;
  readonly told: PostgresStoreEvents;
}

/** What a store tells its operator. */
export interface PostgresStoreEvents {
  /** Attempts can be opened no longer, and why, or they can again. */
  writable(isWritable: boolean, why: string): void;
  /** The database does not take rows, and why, which are kept; or it does again. */
  reachable(isReachable: boolean, why: string): void;
  /** The spool was closed with so many rows that the database has not got. */
  leftBehind(rows: number): void;
}

/** A ledger in a database. */
export interface PostgresStore extends LedgerStore {
  /** Attempts that an earlier process left open, and that are settled as estimates now. */
  readonly recovered: number;
  /** Resolves when all that is settled now is in the database, or the time is over: with how many rows are not. */
  flushed(withinMs: number): Promise<number>;
  /** Rows that the spool holds for the database, those of attempts that run included. */
  backlog(): number;
}

/** How long a question for attempts waits for what was settled here before it. */
const CATCH_UP_MS = 1_000;

/** How long the end of the process waits for the last rows to be sent. */
const LAST_ROWS_MS = 5_000;

/** When whoever was refused may come again. */
const RETRY_AFTER_MS = 1_000;

/**
 * Opens a ledger that a team's gateways share. Attempts are opened and settled in the spool, an embedded ledger of this process's own, so no call waits
 * for the database or fails with it; a thread sends the rows on. Sums and rows are read from the database. Throws a LedgerOpenError if the spool cannot be
 * opened, or the database refuses what only the operator can mend; one that cannot be reached is an outage as any other.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const { directory, database, retention, metadataKeys, maxSpoolRows, told } = options;
  const spool = await openSqliteStore({
    directory,
    retention,
    metadataKeys,
    isSpool: true,
    onChange: (isWritable, why) => told.writable(isWritable && !bound.isFull(), why),
  });
  const bound = createSpoolBound(maxSpoolRows, (isFull) => {
    told.writable(!isFull && spool.isWritable(), isFull ? fullWords(maxSpoolRows) : "");
  });
  const onNews = (news: ShipperNews): void => {
    if (news.type === "shipped") {
      bound.shipped(news.seq);
      spool.mark({ name: "shipped", value: news.seq });
    } else if (news.type === "renamed") spool.mark({ name: "spool_id", value: news.spoolId });
    else if (news.type === "reached") told.reachable(true, "");
    else told.reachable(false, news.why);
  };
  const thread = await startShipperThread({ directory, database, retention, metadataKeys }, onNews).catch(
    async (thrown: unknown) => {
      await spool.close();
      throw refusal(database, thrown);
    },
  );
  const { lastSeq, shipped, outage } = thread.ready;
  bound.begin(lastSeq, shipped);
  if (outage !== undefined) told.reachable(false, outage);
  return storeOf({ spool, bound, thread, maxSpoolRows, told });
}

interface Parts extends Pick<PostgresStoreOptions, "maxSpoolRows" | "told"> {
  readonly spool: SqliteStore;
  readonly bound: SpoolBound;
  readonly thread: ShipperThread;
}

function storeOf({ spool, bound, thread, maxSpoolRows, told }: Parts): PostgresStore {
  return {
    metadataKeys: spool.metadataKeys,
    recovered: spool.recovered,
    open: async (attempt) => {
      if (!bound.enter()) throw unavailable("nothing more is sent to providers", fullWords(maxSpoolRows));
      try {
        await spool.open(attempt);
      } catch (thrown) {
        bound.leave();
        throw thrown;
      }
    },
    checkpoint: (checkpoint) => spool.checkpoint(checkpoint),
    settle: (row) => spool.settle(row),
    isWritable: () => spool.isWritable() && !bound.isFull(),
    costs: async (query) => {
      const answer = await thread.costs(query).catch((thrown: unknown) => {
        throw unavailable("costs cannot be read; calls are taken and written down as always", thrown);
      });
      if (answer === undefined) throw behind();
      return answer;
    },
    attempts: async (query) => {
      const outage = (thrown: unknown): never => {
        throw unavailable("attempts cannot be read; calls are taken and written down as always", thrown);
      };
      // Later pages go on from the first, whatever was settled meanwhile.
      const left = query.after === undefined ? await thread.flushed(CATCH_UP_MS).catch(outage) : 0;
      if (left > 0) throw behind();
      return thread.attempts(query).catch(outage);
    },
    // Those that are defined at this gateway.
    records: spool.records,
    flushed: (withinMs) => thread.flushed(withinMs),
    backlog: () => bound.backlog(),
    close: async () => {
      // What comes to its end now goes along, so that little stays in a directory that may not come back.
      const left = await thread.flushed(LAST_ROWS_MS).catch(() => bound.backlog());
      await thread.close();
      await spool.close();
      if (left > 0) told.leftBehind(left);
    },
  };
}

function fullWords(maxSpoolRows: number): string {
  return `${maxSpoolRows} rows wait for the database, which is as many as ledger.max_spool_rows allows`;
}

function unavailable(consequence: string, cause: unknown): ExecutionError {
  return new ExecutionError("LEDGER_UNAVAILABLE", `the ledger's database cannot be reached; ${consequence}`, {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}

function behind(): ExecutionError {
  const message =
    "the ledger's database has not all rows yet that were settled here; they are sent as soon as it takes them";
  return new ExecutionError("LEDGER_UNAVAILABLE", message, { retryAfterMs: RETRY_AFTER_MS });
}

function refusal({ host, port, database }: DatabaseSettings, thrown: unknown): LedgerOpenError {
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new LedgerOpenError(`the ledger's database ${database} at ${host}:${port} refuses: ${why}; see ledger.url`, {
    cause: thrown,
  });
}
