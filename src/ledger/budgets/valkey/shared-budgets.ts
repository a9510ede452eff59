import { ExecutionError } from "../../../errors.ts";
import { limitId } from "../../../limit.ts";
import { type ConnectionLog, connectValkey } from "../../../valkey.ts";
import { LedgerOpenError } from "../../open-error.ts";
import type { KeptRecord, RecordChange, RecordStore } from "../../records.ts";
import { BUDGETS, readBudget } from "../kept-budget.ts";
import { CHANGE, OFFER } from "./kept-scripts.ts";

/** What budgets that processes share are made of. */
export interface SharedBudgetsOptions {
  /** Such as `redis://user:password@host:6379/0`, `rediss:` for TLS. */
  readonly url: string;
  readonly log: ConnectionLog & { error(message: string, thrown: unknown): void };
  /** Where this process keeps what there is, for when the server has lost it. */
  readonly own: RecordStore;
  readonly newId: () => string;
  /** From one look for what others have changed to the next, in milliseconds. */
  readonly everyMs: number;
}

/** Records, of which those of budgets are the same in all processes. */
export interface SharedBudgets extends RecordStore {
  /** Runs whenever others have changed some, or the server has lost them, and again where it failed: `all` says what there is. */
  follow(onChange: () => Promise<void>): void;
  close(): Promise<void>;
}

const KEPT = "ep:{budgets}:kept";
const LIMITS = "ep:{budgets}:kept-limits";
/** A word that each change makes another: whoever knows it knows all there is. Away, it says that the server has lost what it had. */
const REVISION = "ep:{budgets}:kept-revision";

/** What the server has of a record. One that was taken away stays, so that no process brings it back. */
interface Shared {
  readonly version: number;
  readonly body?: string;
  readonly changedBy: string;
  readonly changedAtMs: number;
}

/**
 * Connects to a Valkey or Redis server at which budgets that were defined at run time are the same for all processes. A change is the server's first, whose versions
 * count, and then this process's own ledger's; others take it over when they look. What the server has lost it is given again by whoever still has it, the
 * newest version of each. Changes reject with LEDGER_UNAVAILABLE while the server cannot be reached; what is in force stays so. Rejects if it cannot be
 * reached now.
 */
export async function createSharedBudgets(options: SharedBudgetsOptions): Promise<SharedBudgets> {
  const { own, newId, log, everyMs } = options;
  const valkey = await connectValkey(options.url, log);
  const keys = [KEPT, LIMITS, REVISION];
  let known: string | undefined;
  let looking: Promise<void> | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;

  const revision = async (): Promise<string | undefined> => {
    const found = await valkey.send("GET", REVISION);
    return found === null ? undefined : String(found);
  };
  const read = async (): Promise<ReadonlyMap<string, Shared>> => {
    const reply = (await valkey.send("HGETALL", KEPT)) as readonly unknown[];
    const texts = reply.map(String);
    return new Map(
      texts.flatMap((id, at) => (at % 2 === 0 ? [[id, JSON.parse(texts[at + 1] ?? "{}") as Shared] as const] : [])),
    );
  };
  /** Gives the server what it lacks, and takes over what it has. */
  const exchange = async (): Promise<readonly KeptRecord[]> => {
    const mine = new Map((await own.all(BUDGETS)).map((record) => [record.id, record]));
    const offered = [...mine.values()].flatMap((record) => [
      ...[record.id, limitOf(record.body), JSON.stringify(sharedOf(record))],
    ]);
    await valkey.run(OFFER, keys, [newId(), ...offered]);
    // Read before what it stands for: a change in between is seen at the next look.
    const revised = await revision();
    const all = await read();
    for (const [id, shared] of all) await takeOver(id, mine.get(id), shared);
    known = revised;
    return recordsOf(all);
  };
  const takeOver = async (id: string, mine: KeptRecord | undefined, shared: Shared): Promise<void> => {
    if (mine === undefined ? shared.body === undefined : mine.version === shared.version) return;
    const { version: becomes, ...rest } = shared;
    const change = { sort: BUDGETS, id, version: mine?.version ?? 0, becomes, ...rest };
    // What is in force does not wait for this disk.
    await own.change(change).catch((thrown: unknown) => log.error("a shared budget is not kept here", thrown));
  };
  const look = async (onChange: () => Promise<void>): Promise<void> => {
    try {
      const now = await revision();
      if (now === undefined || now !== known) await onChange();
    } catch (thrown) {
      // That the server is away is told by the connection.
      if (thrown instanceof LedgerOpenError) log.error("the budgets that processes share cannot be read", thrown);
    }
  };
  return {
    all: (wanted) => (wanted === BUDGETS ? orUnavailable(exchange()) : own.all(wanted)),
    change: async (change) => {
      if (change.sort !== BUDGETS) return own.change(change);
      const { id, version, body, changedBy, changedAtMs } = change;
      const next = { version: version + 1, ...(body !== undefined && { body }), changedBy, changedAtMs };
      const values = [id, String(version), JSON.stringify(next), limitOf(body), newId()];
      if (Number(await orUnavailable(valkey.run(CHANGE, keys, values))) !== 1) return false;
      await keepOwn(own, change).catch((thrown: unknown) => log.error("a shared budget is not kept here", thrown));
      return true;
    },
    follow: (onChange) => {
      timer ??= setInterval(() => {
        looking ??= look(onChange).finally(() => {
          looking = undefined;
        });
      }, everyMs).unref();
    },
    close: async () => {
      clearInterval(timer);
      await looking;
      await valkey.close();
    },
  };
}

/** Makes a change that the server has made, whatever version this process had. */
async function keepOwn(own: RecordStore, change: RecordChange): Promise<void> {
  const mine = (await own.all(change.sort)).find(({ id }) => id === change.id);
  await own.change({ ...change, version: mine?.version ?? 0, becomes: change.version + 1 });
}

function recordsOf(all: ReadonlyMap<string, Shared>): readonly KeptRecord[] {
  return [...all].flatMap(([id, { body, ...rest }]) => (body === undefined ? [] : [{ id, body, ...rest }]));
}

function sharedOf({ version, body, changedBy, changedAtMs }: KeptRecord): Shared {
  return { version, body, changedBy, changedAtMs };
}

/** What a budget limits, of which there is one. */
function limitOf(body: string | undefined): string {
  return body === undefined ? "" : limitId(readBudget({ id: "", body }).limit);
}

async function orUnavailable<Answer>(asked: Promise<Answer>): Promise<Answer> {
  try {
    return await asked;
  } catch (cause) {
    if (cause instanceof LedgerOpenError) throw cause;
    throw new ExecutionError("LEDGER_UNAVAILABLE", "the budgets that processes share cannot be reached", {
      retryAfterMs: 1000,
      cause,
    });
  }
}
