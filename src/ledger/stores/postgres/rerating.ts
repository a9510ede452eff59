import { fromBinary } from "@bufbuild/protobuf";
import { Billed, UsageSchema } from "../../../gen/execution/v1/usage_pb.js";
import { LedgerOpenError } from "../../open-error.ts";
import type { RatedRow, Rerated } from "../../rerate.ts";
import { LABEL_COLUMNS, type LabelName } from "../sqlite/levels.ts";
import type { RerateWindow } from "../sqlite/rerating.ts";
import { type Connection, createDatabase, type DatabaseRow, type DatabaseSettings } from "./database.ts";
import { CLEANING_LOCK } from "./retention.ts";
import { migrate } from "./schema.ts";
import { columnsOf } from "./ship.ts";
import { type CorrectedRow, createDatabaseCorrections, type DatabaseCorrections } from "./sum-corrections.ts";

/** Rows that are read, and changed, at once. */
const ROWS_A_STEP = 2_000;

/**
 * Prices the billed rows of a ledger in a database anew as `decide` says, all as of one moment. With `write` rows, roll-ups and the record of what was before
 * (`rerated`) change in one transaction, or nothing does; gateways go on meanwhile, and what they still have in their spools is not looked at. Rejects with a
 * LedgerOpenError if there is no ledger, or one of a newer program, and with whatever the database says, with nothing changed.
 */
export async function rerateDatabase(
  settings: DatabaseSettings,
  window: RerateWindow,
  decide: (row: RatedRow) => Rerated,
  { write, nowMs }: { readonly write: boolean; readonly nowMs: number },
): Promise<void> {
  const database = createDatabase(settings, 1);
  try {
    await database.use(expectLedger);
    if (write) await migrate(database);
    await database.transaction(
      write ? "BEGIN" : "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
      async (connection) => {
        // Neither retention nor another of us takes away or changes what is read here.
        if (write) await connection.query("SELECT pg_advisory_xact_lock($1)", [CLEANING_LOCK]);
        const change = write ? await createChange(connection, nowMs) : undefined;
        for await (const rows of pagesOf(connection, window)) {
          const decided = rows.map((row) => ({ row, rerated: decide(row) }));
          await change?.apply(
            decided.flatMap(({ row, rerated }) => (rerated.outcome === "changed" ? [{ row, rerated }] : [])),
          );
        }
        await change?.finish();
      },
    );
  } finally {
    database.close();
  }
}

async function expectLedger(connection: Connection): Promise<void> {
  const [found] = await connection.query("SELECT to_regclass('execution_platform.attempts') IS NOT NULL");
  if (found?.[0] !== true) throw new LedgerOpenError("there is no ledger in the database");
}

/** A row, as it is read. */
interface Row extends RatedRow, Readonly<Record<LabelName, string>> {
  readonly attemptId: string;
  readonly metadata: string;
}

const LABELS = Object.entries(LABEL_COLUMNS);

/** Billed rows with a usage, in pages. One that has a cost and no version of prices is free. */
async function* pagesOf(connection: Connection, { fromMs, toMs }: RerateWindow): AsyncGenerator<readonly Row[]> {
  let [endedAtMs, attemptId] = [fromMs, ""];
  while (true) {
    const found = await connection.query(
      `SELECT attempt_id, metadata, started_at_ms, ended_at_ms, usage, cost_nano_usd, ${LABELS.map(([, column]) => column).join(", ")}
       FROM execution_platform.attempts
       WHERE (ended_at_ms, attempt_id) > ($1, $2) AND ended_at_ms < $3 AND billed <> ${Billed.NO} AND usage IS NOT NULL
         AND NOT (price_version = '' AND cost_nano_usd IS NOT NULL)
       ORDER BY ended_at_ms, attempt_id LIMIT ${ROWS_A_STEP}`,
      [endedAtMs, attemptId, toMs],
    );
    const rows = found.map(readRow);
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS_A_STEP) return;
    ({ endedAtMs, attemptId } = last);
  }
}

function readRow([attemptId, metadata, startedAtMs, endedAtMs, usage, cost, ...labels]: DatabaseRow): Row {
  const values = LABELS.map(([name], index) => [name, String(labels[index])] as const);
  return {
    ...(Object.fromEntries(values) as Record<LabelName, string>),
    attemptId: String(attemptId),
    metadata: String(metadata),
    startedAtMs: Number(startedAtMs),
    endedAtMs: Number(endedAtMs),
    usage: fromBinary(UsageSchema, usage instanceof Uint8Array ? usage : new Uint8Array()),
    ...(cost === null ? {} : { costNanoUsd: BigInt(String(cost)) }),
  };
}

interface Changed {
  readonly row: Row;
  readonly rerated: Extract<Rerated, { outcome: "changed" }>;
}

/** Changes rows, and at the end the sums that have them. */
async function createChange(connection: Connection, nowMs: number) {
  const [last] = await connection.query("SELECT coalesce(max(run), 0) + 1 FROM execution_platform.rerated");
  const run = Number(last?.[0]);
  const sums: DatabaseCorrections = await createDatabaseCorrections(connection);
  return {
    apply: async (changed: readonly Changed[]): Promise<void> => {
      if (changed.length === 0) return;
      const values = columnsOf(
        changed.map(({ row, rerated }) => [row.attemptId, String(rerated.costNanoUsd), rerated.priceVersion]),
      );
      const [ids = [], costs = [], versions = []] = values;
      const now = (first: number): string =>
        `unnest($${first}::text[], $${first + 1}::bigint[], $${first + 2}::text[]) AS now (attempt_id, cost, version)`;
      await connection.query(
        `INSERT INTO execution_platform.rerated
         SELECT $1, $2, attempt_id, a.cost_nano_usd, a.price_version, now.cost, now.version
         FROM execution_platform.attempts a JOIN ${now(3)} USING (attempt_id)`,
        [run, nowMs, ids, costs, versions],
      );
      await connection.query(
        `UPDATE execution_platform.attempts a SET cost_nano_usd = now.cost, price_version = now.version
         FROM ${now(1)} WHERE a.attempt_id = now.attempt_id`,
        [ids, costs, versions],
      );
      await sums.add(changed.map(correctionOf));
    },
    finish: () => sums.write(),
  };
}

function correctionOf({ row, rerated }: Changed): CorrectedRow {
  const { costNanoUsd: before } = row;
  return {
    ...row,
    costNanoUsd: rerated.costNanoUsd - (before ?? 0n),
    unpricedAttempts: before === undefined ? -1n : 0n,
  };
}
