import { createHash } from "node:crypto";
import { ExecutionError } from "../../errors.ts";
import { type Limit, limitId } from "../../limit.ts";
import type { KeptRecord, RecordStore } from "../records.ts";
import { conflict, exists, full, notFound } from "./book-errors.ts";
import { BUDGETS, budgetBody, readBudget } from "./kept-budget.ts";
import type { LimitRegistry } from "./registry.ts";

/** What can be changed of a budget. */
export interface BudgetTerms {
  readonly amount: bigint;
  readonly description: string;
  /** True if a tenant's own admins may not change it. */
  readonly isPlatforms: boolean;
}

/** A budget: a limit that somebody can read and, if it was defined at run time, change. */
export interface BudgetEntry extends Omit<BudgetTerms, "amount"> {
  readonly id: string;
  /** 0 of the configuration's. */
  readonly version: number;
  readonly limit: Limit;
  /** Absent of the configuration's. */
  readonly changed?: { readonly by: string; readonly atMs: number };
  /** True if the configuration has the same budget, which holds instead. */
  readonly isOverridden: boolean;
}

/** Who changes something. */
export interface Author {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/**
 * All budgets, those of the configuration and those that were defined at run time. What is in it is in force: each change goes to the store first and
 * then, at once, to the registry. Throws VERSION_CONFLICT, BUDGET_NOT_FOUND, BUDGET_EXISTS, BUDGET_READ_ONLY, and LEDGER_UNAVAILABLE.
 */
export interface BudgetBook {
  /** By id. */
  all(): readonly BudgetEntry[];
  find(id: string): BudgetEntry | undefined;
  /** The id of the budget by which a limit is in force; undefined if it is not, any more. */
  idOf(limit: Limit): string | undefined;
  /** Puts another configuration's limits in force. */
  configure(limits: readonly Limit[]): void;
  /** `prepare` runs when it is certain that the budget may be kept, before it is in force. */
  create(
    id: string,
    limit: Limit,
    terms: BudgetTerms,
    author: Author,
    prepare: () => Promise<void>,
  ): Promise<BudgetEntry>;
  /**
   * `decide` makes the new terms of the budget as it is by now, and throws for who may not change it. What it throws comes before what the book says of the version,
   * so that who may not know of a budget learns nothing of it. What `find` gives may be older: it is nothing to decide a change by.
   */
  change(
    id: string,
    version: number,
    decide: (entry: BudgetEntry) => BudgetTerms,
    author: Author,
  ): Promise<BudgetEntry>;
  /** `check` throws for who may not take the budget, as it is by now, away. */
  remove(id: string, version: number, check: (entry: BudgetEntry) => void, author: Author): Promise<void>;
  /** Puts in force what the store has by now: others have changed it. */
  renew(): Promise<void>;
}

/** What a book is made of. */
export interface BudgetBookDeps {
  readonly records: RecordStore;
  /** The records of budgets there are. */
  readonly kept: readonly KeptRecord[];
  readonly registry: LimitRegistry;
  /** Those of the configuration. */
  readonly limits: readonly Limit[];
}

/** Most budgets of the run time. */
const MAX_BUDGETS = 10_000;

/** Most of them that one tenant's own admins may have, so that they leave room for those of others. */
const MAX_OF_TENANT = 1_000;

/** The records of budgets in a store. */
export function keptBudgets(records: RecordStore): Promise<readonly KeptRecord[]> {
  return records.all(BUDGETS);
}

/** Creates the book, and puts in force what was kept and what is configured. Throws a LedgerOpenError if a record cannot be read. */
export function createBudgetBook({ records, registry, limits, ...given }: BudgetBookDeps): BudgetBook {
  const kept = new Map(given.kept.map((record) => [record.id, record]));
  let configured = limits;
  let entries: ReadonlyMap<string, BudgetEntry> = new Map();
  let idsInForce: ReadonlyMap<string, string> = new Map();
  const refresh = (): void => {
    const fixed = configured.map(entryOfLimit);
    const fixedIds = new Set(configured.map(limitId));
    const own = [...kept.values()].map((record) => entryOfRecord(record, fixedIds));
    const all = [...fixed, ...own].sort(({ id: one }, { id: other }) => (one < other ? -1 : 1));
    entries = new Map(all.map((entry) => [entry.id, entry]));
    // The configuration's come last, and so hold.
    const inForce = [...own, ...fixed];
    idsInForce = new Map(inForce.map(({ id, limit }) => [limitId(limit), id]));
    registry.replace(inForce.map(({ limit }) => limit));
  };
  refresh();

  let last: Promise<unknown> = Promise.resolve();
  /** One change at a time: what is checked is still so when it is written. */
  const inTurn = <Result>(action: () => Promise<Result>): Promise<Result> => {
    const done = last.then(action);
    last = done.catch(() => undefined);
    return done;
  };
  const checkChangeable = (entry: BudgetEntry, version: number): void => {
    const { id } = entry;
    if (entry.changed === undefined) {
      throw new ExecutionError("BUDGET_READ_ONLY", "this budget is in the configuration; change it there", {
        preconditions: [{ type: "BUDGET", subject: id, description: "is defined by the configuration" }],
      });
    }
    if (entry.version !== version) throw conflict(entry.version, version);
  };
  const reread = async (): Promise<void> => {
    const found = (await keptBudgets(records)).map((record) => [record.id, record] as const);
    // Read before anything is put out of force: one that cannot be read must not open the others.
    for (const [, record] of found) readBudget(record);
    kept.clear();
    for (const [id, record] of found) kept.set(id, record);
    refresh();
  };
  const written = (id: string): BudgetEntry => {
    const entry = entries.get(id);
    if (entry === undefined) throw notFound(id);
    return entry;
  };
  /**
   * A budget as it is by now, as far as that matters: one that has the version that was named is what its reader read, or the store refuses the change. Nobody is
   * refused by a version that is older than what others have made of it, and that it names.
   */
  const entryNow = async (id: string, version: number): Promise<BudgetEntry> => {
    if (entries.get(id)?.changed !== undefined && entries.get(id)?.version !== version) await reread();
    return written(id);
  };
  const sameAs = (limit: Limit): BudgetEntry | undefined => {
    const wanted = limitId(limit);
    return [...entries.values()].find((entry) => limitId(entry.limit) === wanted);
  };
  const write = async (id: string, version: number, body: string | undefined, author: Author): Promise<void> => {
    const change = { sort: BUDGETS, id, version, changedBy: author.name, changedAtMs: author.atMs };
    if (!(await records.change({ ...change, ...(body !== undefined && { body }) }))) throw conflict(undefined, version);
    if (body === undefined) kept.delete(id);
    else kept.set(id, { id, version: version + 1, body, changedBy: author.name, changedAtMs: author.atMs });
    refresh();
  };
  /** How many budgets a tenant's own admins have made of those that count its calls alone. */
  const ownOf = (limit: Limit): number =>
    [...entries.values()].filter((entry) => !entry.isPlatforms && tenantIn(entry.limit) === tenantIn(limit)).length;
  return {
    all: () => [...entries.values()],
    find: (id) => entries.get(id),
    idOf: (limit) => idsInForce.get(limitId(limit)),
    configure: (wanted) => {
      configured = wanted;
      refresh();
    },
    create: (id, limit, terms, author, prepare) =>
      inTurn(async () => {
        const same = sameAs(limit);
        if (same !== undefined) throw exists(same);
        if (kept.size >= MAX_BUDGETS) throw full(`${MAX_BUDGETS} budgets`);
        if (!terms.isPlatforms && ownOf(limit) >= MAX_OF_TENANT)
          throw full(`${MAX_OF_TENANT} budgets of this tenant's own`);
        await prepare();
        try {
          await write(id, 0, budgetBody({ ...limit, amount: terms.amount }, terms), author);
        } catch (thrown) {
          // Another process may have made the same one just now.
          await reread();
          const other = sameAs(limit);
          throw other === undefined ? thrown : exists(other);
        }
        return written(id);
      }),
    change: (id, version, decide, author) =>
      inTurn(async () => {
        const entry = await entryNow(id, version);
        const terms = decide(entry);
        checkChangeable(entry, version);
        await write(id, version, budgetBody({ ...entry.limit, amount: terms.amount }, terms), author);
        return written(id);
      }),
    remove: (id, version, check, author) =>
      inTurn(async () => {
        const entry = await entryNow(id, version);
        check(entry);
        checkChangeable(entry, version);
        await write(id, version, undefined, author);
      }),
    renew: () => inTurn(reread),
  };
}

/** The id of a configured budget is that of what it is, so that it is the same after any reload. */
function entryOfLimit(limit: Limit): BudgetEntry {
  const id = `configured_${createHash("sha256").update(limitId(limit)).digest("hex").slice(0, 24)}`;
  return { id, version: 0, limit, description: "", isPlatforms: true, isOverridden: false };
}

function entryOfRecord(record: KeptRecord, configured: ReadonlySet<string>): BudgetEntry {
  const { id, version, changedBy, changedAtMs } = record;
  const { limit, description, isPlatforms } = readBudget(record);
  const changed = { by: changedBy, atMs: changedAtMs };
  return { id, version, limit, description, isPlatforms, changed, isOverridden: configured.has(limitId(limit)) };
}

/** What a tenant's admins make is always its own: by its tenant, or as the tenant's. */
function tenantIn({ tenant, value }: Limit): string | undefined {
  return tenant ?? value;
}
