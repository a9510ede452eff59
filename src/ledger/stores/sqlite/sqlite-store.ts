import type { LedgerStore } from "../../store.ts";
import { createCommitQueue } from "./commit-queue.ts";
import { createKeptRecords } from "./kept-records.ts";
import { createLedgerReader } from "./ledger-reader.ts";
import type { SpoolMark, WriterAnswer, WriterRequest } from "./messages.ts";
import type { Retention } from "./retention.ts";
import { startThread } from "./start-thread.ts";
import { checkpointOperation, openOperation, settleOperation } from "./wire.ts";

/** How a ledger is kept in a directory. */
export interface SqliteStoreOptions {
  /** Made if it is not there. */
  readonly directory: string;
  readonly retention: Retention;
  /** Names of metadata that roll-ups keep apart. */
  readonly metadataKeys: readonly string[];
  /** True if settled rows are sent on to a database, and stay at least until they are there. */
  readonly isSpool: boolean;
  /** Told when attempts can be opened no longer, and why, and when they can again. */
  readonly onChange: (isWritable: boolean, why: string) => void;
}

/** A ledger in a file. */
export interface SqliteStore extends LedgerStore {
  /** Attempts that an earlier process left open, and that are settled as estimates now. */
  readonly recovered: number;
  /** Keeps a number of a spool, soon. */
  mark(mark: SpoolMark): void;
  /** Transactions that were committed, and how long SQLite took for that in all, in milliseconds: mostly the disk's time. */
  commits(): { readonly count: number; readonly totalMs: number };
}

/**
 * Opens the ledger in a directory, which is this process's alone until it closes it or ends. Throws a LedgerOpenError if that cannot be: another process
 * has it, it cannot be written to, or a newer program wrote it.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const { directory, retention, metadataKeys, isSpool, onChange } = options;
  const settings = { directory, retention, metadataKeys, isSpool };
  const writer = startThread({ ...settings, role: "writer" });
  const { recovered } = await writer.ready;
  const send = (request: WriterRequest): void => writer.worker.postMessage(request);
  let count = 0;
  let totalMs = 0;
  const queue = createCommitQueue({
    send: (operations) => send(operations.length === 0 ? { type: "probe" } : { type: "commit", operations }),
    nowMs: () => performance.now(),
    onChange,
  });
  const records = createKeptRecords(send);
  writer.worker.on("message", (message: WriterAnswer) => {
    if (message.type !== "result") return records.result(message);
    const { result } = message;
    if (result.outcome !== "failed") {
      count += 1;
      totalMs += result.commitMs;
    }
    queue.result(result);
  });
  writer.worker.on("error", (thrown) => {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    queue.fail(why);
    records.fail(why);
  });
  const reader = createLedgerReader(() => startThread({ ...settings, role: "reader" }));
  return {
    metadataKeys,
    recovered,
    open: (attempt) => queue.add(openOperation(attempt)),
    checkpoint: (checkpoint) => queue.note(checkpointOperation(checkpoint)),
    settle: (row) => queue.add(settleOperation(row)),
    costs: (query) => reader.ask("costs", query),
    attempts: (query) => reader.ask("attempts", query),
    records,
    isWritable: () => queue.isWritable(),
    mark: (mark) => send({ type: "mark", ...mark }),
    commits: () => ({ count, totalMs }),
    close: async () => {
      const [isAnswered] = await Promise.all([queue.close(), inTime(records.idle()), inTime(reader.close())]);
      if (isAnswered) {
        send({ type: "close" });
        await inTime(writer.ended);
      }
      // A thread that the disk keeps waiting cannot be ended, and Node waits for it at the process's very end. All else can be closed meanwhile, and what waits here
      // is written if the disk answers before.
      writer.worker.unref();
    },
  };
}

/** How long each thing that is closed has for it, if the disk hangs, in milliseconds. */
const CLOSE_WAIT_MS = 5_000;

async function inTime(work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, CLOSE_WAIT_MS);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
