import { afterAll, describe, expect, test } from "@jest/globals";
import { createDatabase, type Database } from "../../src/ledger/stores/postgres/database.ts";
import { migrate } from "../../src/ledger/stores/postgres/schema.ts";
import { registerSpool, ship } from "../../src/ledger/stores/postgres/ship.ts";
import type { SettledRow } from "../../src/ledger/stores/sqlite/roll-up.ts";
import { useLedgers } from "./use-ledgers.ts";

const GATEWAYS = 8;
const ROWS = 200;
const START = { seq: 0, attemptId: "" };

const postgres = useLedgers();
let databases: readonly Database[] = [];

afterAll(() => {
  for (const database of databases) database.close();
});

/** A row of a spool as it is read, that costs 100 nano-USD. */
function row(gateway: number, seq: number): SettledRow {
  const texts = {
    stream_id: "s",
    request_id: "r",
    tenant: "acme",
    key: "ci",
    persona: "p",
    end_user_id: "",
    metadata: "",
  };
  const words = {
    provider: "near",
    kind: "openai",
    model: `m${(seq * 7 + gateway) % ROWS}`,
    price_version: "v1",
    reason: "",
  };
  const used = { usage: null, input_tokens: 1n, output_tokens: 1n, cache_read_tokens: null, reasoning_tokens: null };
  const times = { step: 0n, attempt: 0n, started_at_ms: 0n, ended_at_ms: 60_000n, billed: 1n, outcome: 1n };
  return {
    seq: BigInt(seq),
    attempt_id: `${gateway}.${seq}`,
    cost_nano_usd: 100n,
    ...texts,
    ...words,
    ...used,
    ...times,
  };
}

describe("gateways that come to a database at once", () => {
  // Mutant seen red: no lock.
  test("make its schema once, each waiting for the other", async () => {
    const name = postgres.ledgers.newDatabase();
    databases = Array.from({ length: GATEWAYS }, () => createDatabase(postgres.server.settings(name), 1));
    await Promise.all(databases.map(migrate));
    expect(postgres.server.psql(name, "SELECT value FROM execution_platform.meta WHERE name = 'version'")).toBe("2");
  });

  // Mutant seen red: sums in any order, which ends in deadlocks.
  test("add to the same sums without standing in each other's way", async () => {
    const name = postgres.ledgers.newDatabase();
    databases = Array.from({ length: GATEWAYS }, () => createDatabase(postgres.server.settings(name), 1));
    await Promise.all(databases.map(migrate));
    await Promise.all(
      databases.map(async (database, gateway) => {
        const spoolId = gateway + 1;
        let after = await registerSpool(database, spoolId, START);
        for (let round = 0; round < 5; round += 1) {
          const rows = Array.from({ length: ROWS }, (_, index) => row(gateway, after.seq + index + 1));
          after = await ship(database, { spoolId, after, rows, metadataKeys: [] });
        }
      }),
    );
    const rows = GATEWAYS * 5 * ROWS;
    expect(postgres.ledgers.counts(name)).toEqual({ rows, cost: rows * 100, summed: rows, summedCost: rows * 100 });
  });
});
