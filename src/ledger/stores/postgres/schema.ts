import { LedgerOpenError } from "../../open-error.ts";
import type { Connection, Database } from "./database.ts";

/**
 * The steps from an empty schema to the current one, in order; a step that was released never changes, and each leaves what the program before it needs,
 * since gateways are replaced one after the other. `meta.version` is the number of steps the schema has.
 *
 * `attempts` has the settled rows of all gateways, `sums` and `labels` the roll-ups as the embedded ledger has them, but a label's id is made of its values,
 * so that gateways need not ask each other. `spools` says up to which of its rows each gateway's spool is in here. `rerated` has what attempts were priced
 * at before they were priced anew, as in files.
 */
const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE execution_platform.attempts (
      attempt_id text PRIMARY KEY, stream_id text NOT NULL, request_id text NOT NULL, tenant text NOT NULL, key text NOT NULL,
      persona text NOT NULL, end_user_id text NOT NULL, metadata text NOT NULL, step integer NOT NULL, attempt integer NOT NULL,
      provider text NOT NULL, kind text NOT NULL, model text NOT NULL, started_at_ms bigint NOT NULL,
      usage bytea, input_tokens bigint, output_tokens bigint, cache_read_tokens bigint, reasoning_tokens bigint,
      cost_nano_usd bigint, price_version text NOT NULL, billed integer NOT NULL, outcome integer NOT NULL, reason text NOT NULL,
      ended_at_ms bigint NOT NULL
    )`,
    "CREATE INDEX attempts_by_end ON execution_platform.attempts (ended_at_ms)",
    `CREATE TABLE execution_platform.labels (
      id uuid PRIMARY KEY,
      level smallint NOT NULL, tenant text NOT NULL, key text NOT NULL, persona text NOT NULL, provider text NOT NULL, model text NOT NULL,
      end_user_id text NOT NULL, metadata text NOT NULL
    )`,
    "CREATE INDEX labels_by_key ON execution_platform.labels (level, key)",
    "CREATE INDEX labels_by_end_user ON execution_platform.labels (end_user_id) WHERE level = 0",
    `CREATE TABLE execution_platform.sums (
      grain smallint NOT NULL, level smallint NOT NULL, period bigint NOT NULL, label uuid NOT NULL,
      calls bigint NOT NULL, attempts bigint NOT NULL, input_tokens bigint NOT NULL, output_tokens bigint NOT NULL,
      cache_read_tokens bigint NOT NULL, reasoning_tokens bigint NOT NULL, cost_nano_usd bigint NOT NULL, unpriced_attempts bigint NOT NULL,
      PRIMARY KEY (grain, level, period, label)
    ) WITH (fillfactor = 80)`,
    "CREATE INDEX sums_by_label ON execution_platform.sums (label, grain, period)",
    `CREATE TABLE execution_platform.spools (
      id bigint PRIMARY KEY, shipped_seq bigint NOT NULL, shipped_attempt_id text NOT NULL, shipped_at timestamptz NOT NULL DEFAULT now()
    )`,
  ],
  [
    `CREATE TABLE execution_platform.rerated (
      run integer NOT NULL, at_ms bigint NOT NULL, attempt_id text NOT NULL,
      old_cost_nano_usd bigint, old_price_version text NOT NULL, new_cost_nano_usd bigint NOT NULL, new_price_version text NOT NULL
    )`,
  ],
];

/** Of all that can be locked in a database by a number, what is ours: `ep` and a number. */
const MIGRATION_LOCK = 0x6570_0001;

/**
 * Brings a database to the current schema, all of it or nothing, one gateway after the other. Throws a LedgerOpenError if a newer program has been there.
 */
export function migrate(database: Database): Promise<void> {
  return database.transaction("BEGIN", async (connection) => {
    await connection.query("SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
    await makeSchema(connection);
    const version = Number((await readMeta(connection)).get("version") ?? 0);
    if (version > MIGRATIONS.length) {
      throw new LedgerOpenError(
        `the ledger's database was changed by a newer program (schema ${version}, this one knows ${MIGRATIONS.length}); start that one, or restore a backup of before the upgrade`,
      );
    }
    if (version === MIGRATIONS.length) return;
    for (const statement of MIGRATIONS.slice(version).flat()) await connection.query(statement);
    await connection.query("UPDATE execution_platform.meta SET value = $1 WHERE name = 'version'", [MIGRATIONS.length]);
  });
}

/** The schema and its table of numbers, which no step changes. Asked for first, since even `IF NOT EXISTS` needs the privilege to create. */
async function makeSchema(connection: Connection): Promise<void> {
  const [found] = await connection.query("SELECT to_regclass('execution_platform.meta') IS NOT NULL");
  if (found?.[0] === true) return;
  const [schema] = await connection.query("SELECT to_regnamespace('execution_platform') IS NOT NULL");
  if (schema?.[0] !== true) await connection.query("CREATE SCHEMA execution_platform");
  await connection.query("CREATE TABLE execution_platform.meta (name text PRIMARY KEY, value bigint NOT NULL)");
  await connection.query(
    "INSERT INTO execution_platform.meta VALUES ('version', 0), ('minutes_from', 0), ('hours_from', 0)",
  );
}

/** The numbers of the database by name: `version`, and the first minute and hour that are kept, `minutes_from` and `hours_from`. */
export async function readMeta(connection: Connection): Promise<ReadonlyMap<string, number>> {
  const rows = await connection.query("SELECT name, value FROM execution_platform.meta");
  return new Map(rows.map(([name, value]) => [String(name), Number(value)]));
}
