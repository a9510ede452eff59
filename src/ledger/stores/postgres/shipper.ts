import { randomInt } from "node:crypto";
import type { Retention } from "../sqlite/retention.ts";
import { newSpoolId } from "../sqlite/spool-marks.ts";
import type { Database } from "./database.ts";
import { migrate } from "./schema.ts";
import { type Position, registerSpool, ship } from "./ship.ts";
import type { SpoolRows } from "./spool-rows.ts";

/** What a shipper stands on. */
export interface ShipperDeps {
  readonly database: Database;
  readonly spool: SpoolRows;
  readonly retention: Retention;
  readonly metadataKeys: readonly string[];
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  readonly told: ShipperEvents;
}

/** What a shipper tells. */
export interface ShipperEvents {
  /** The database has everything up to this row. */
  shipped(seq: number): void;
  /** The spool has another name from now on. */
  renamed(spoolId: number): void;
  /** The database takes rows. */
  reached(): void;
  /** It does not, and why; said once until it does again. */
  lost(thrown: unknown): void;
}

/** Sends a spool's settled rows to a database, in their order. */
export interface Shipper {
  /** Connects, brings the schema up to date and finds out how far the spool is. Rejects with what the database says. */
  connect(): Promise<void>;
  /** Sends on whatever comes, and connects whenever that is needed, until it is ended. */
  start(): void;
  /** Resolves when the rows that are settled now are in the database, or the time is over: with how many are not. */
  flushed(withinMs: number): Promise<number>;
  /** Resolves likewise: with true if the database has said that it has them, and so not while it is away. Rows that are settled meanwhile are not waited for. */
  caughtUp(withinMs: number): Promise<boolean>;
  /** Begins nothing more. */
  end(): void;
}

/** Rows of one transaction. */
const ROWS_A_SHIPMENT = 1_000;

/** From one look for new rows to the next. The spool is looked at, so that no row can be missed that was written later than expected. */
const LOOK_MS = 200;

/** After something that did not work; doubled up to the longest, and spread, so that gateways do not come all at once. */
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 5_000;

/** Creates a shipper, which does nothing yet. */
export function createShipper(deps: ShipperDeps): Shipper {
  const { database, spool, metadataKeys, told } = deps;
  let { spoolId } = spool.marks();
  let position: Position | undefined;
  let isLost = false;
  let isOver = false;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waiting: (() => boolean)[] = [];

  const connect = async (): Promise<void> => {
    await migrate(database);
    let found = await registerSpool(database, spoolId, { seq: 0, attemptId: "" });
    if (isOfAnother(found, spool)) {
      spoolId = newSpoolId();
      found = await registerSpool(database, spoolId, restart(deps));
      told.renamed(spoolId);
    }
    arrive(found);
  };
  const arrive = (found: Position): void => {
    if (found.seq !== position?.seq) told.shipped(found.seq);
    position = found;
    waiting = waiting.filter((isDone) => !isDone());
  };
  /** True if there is more to send. */
  const step = async (): Promise<boolean> => {
    if (position === undefined) await connect();
    if (position === undefined) return false;
    const rows = spool.after(position.seq, ROWS_A_SHIPMENT);
    if (rows.length > 0) arrive(await ship(database, { spoolId, after: position, rows, metadataKeys }));
    else arrive(position);
    return rows.length === ROWS_A_SHIPMENT;
  };
  const run = async (): Promise<void> => {
    timer = undefined;
    let waitMs = LOOK_MS;
    try {
      if (await step()) waitMs = 0;
      failures = 0;
      if (isLost) told.reached();
      isLost = false;
    } catch (thrown) {
      position = undefined;
      if (!isLost) told.lost(thrown);
      isLost = true;
      waitMs = Math.min(FIRST_RETRY_MS * 2 ** failures, LONGEST_RETRY_MS);
      waitMs = randomInt(waitMs / 2, waitMs + 1);
      failures += 1;
    }
    if (!isOver) timer = setTimeout(run, waitMs);
  };
  /** Waits until something is so, which only rows that arrive can make so, or the time is over: with whether it is. */
  const until = (isSo: () => boolean, withinMs: number): Promise<boolean> => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const giveUp = setTimeout(() => {
      waiting = waiting.filter((each) => each !== isDone);
      resolve(isSo());
    }, withinMs);
    const isDone = (): boolean => {
      if (!isSo()) return false;
      clearTimeout(giveUp);
      resolve(true);
      return true;
    };
    if (!isDone()) waiting.push(isDone);
    // It is looked at once, unless that is being done already or the database is away.
    if (timer !== undefined && failures === 0) {
      clearTimeout(timer);
      timer = setTimeout(run, 0);
    }
    return promise;
  };
  return {
    connect,
    start: () => {
      isLost = position === undefined;
      timer = setTimeout(run, 0);
    },
    flushed: async (withinMs) => {
      const wanted = spool.span().lastSeq;
      const left = (): number => Math.max(0, wanted - (position?.seq ?? spool.marks().shipped));
      await until(() => left() === 0, withinMs);
      return left();
    },
    caughtUp: (withinMs) => {
      const wanted = spool.span().lastSeq;
      return until(() => position !== undefined && position.seq >= wanted, withinMs);
    },
    end: () => {
      isOver = true;
      clearTimeout(timer);
    },
  };
}

/** True if what the database has as this spool's last row is not what the spool has there: it is a copy, or an older state that was put back. */
function isOfAnother({ seq, attemptId }: Position, spool: SpoolRows): boolean {
  if (seq === 0) return false;
  const { firstSeq, lastSeq } = spool.span();
  const here = spool.attemptIdAt(seq);
  // A row that is gone with its time cannot be compared.
  return here === undefined ? lastSeq > 0 && seq > lastSeq : here !== attemptId && seq >= firstSeq;
}

/** Where a spool that is not what it was begins again: what is in the database already adds nothing, and older rows than it keeps it has had. */
function restart({ spool, retention, nowMs }: ShipperDeps): Position {
  const seq = spool.lastBefore(nowMs() - retention.rowsMs);
  return { seq, attemptId: spool.attemptIdAt(seq) ?? "" };
}
