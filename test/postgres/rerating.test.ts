import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { rerateDatabase } from "../../src/ledger/stores/postgres/rerating.ts";
import { runCommand } from "../cli/run-command.ts";
import { attemptRow } from "../ledger/attempt-row.ts";
import { describeRerating, NOON, type RerateRig, readingsOf, to, WHOLE } from "../ledger/rerate-suite.ts";
import { useLedgers } from "./use-ledgers.ts";

const postgres = useLedgers();

function createRig(database = postgres.ledgers.newDatabase()): RerateRig {
  const select = (query: string): readonly string[][] =>
    postgres.server
      .psql(database, `SET search_path = execution_platform; ${query}`)
      .split("\n")
      .map((line) => line.split("|"));
  return {
    open: (metadataKeys = []) => postgres.ledgers.open({ database, metadataKeys }),
    rerate: (decide, window, write) =>
      rerateDatabase(postgres.server.settings(database), window, decide, { write, nowMs: NOON }),
    ...readingsOf(select),
    close: async () => undefined,
  };
}

describeRerating("a database", async () => createRig());

// Mutant seen red: sums set to what was read of them and the correction, where that is to be added to what they are.
test("pricing anew goes on beside gateways that add to the same sums, and nothing is lost", async () => {
  const database = postgres.ledgers.newDatabase();
  const store = await postgres.ledgers.open({ database });
  const settleAll = async (count: number, endedAtMs: number): Promise<void> => {
    await Promise.all(Array.from({ length: count }, () => store.settle(attemptRow({ endedAtMs }))));
    expect(await store.flushed(10_000)).toBe(0);
  };
  await settleAll(5_000, NOON);
  let [seen, meanwhile]: [number, Promise<void> | undefined] = [0, undefined];
  await createRig(database).rerate(
    () => {
      seen += 1;
      // Others add when it has looked at sums already, and has not written them yet.
      if (seen === 4_000) meanwhile = settleAll(20, NOON + 1);
      return to(30n);
    },
    { fromMs: NOON, toMs: NOON + 1 },
    true,
  );
  await meanwhile;
  await store.close();
  const cost = 5_000 * 30 + 20 * 100;
  expect(postgres.ledgers.counts(database)).toEqual({ rows: 5_020, cost, summed: 5_020, summedCost: cost });
});

test("a database without a ledger is not made one", async () => {
  const database = postgres.ledgers.newDatabase();
  const rig = createRig(database);
  await expect(rig.rerate(() => to(1n), WHOLE, true)).rejects.toThrow("there is no ledger in the database");
  expect(postgres.server.psql(database, "SELECT to_regnamespace('execution_platform') IS NULL")).toBe("t");
});

// Mutant seen red: written without being told to.
test("the command shows what it would change in a database, writes it when told to, and says where it is if it cannot", async () => {
  const { port, user, password, database } = postgres.server.settings(postgres.ledgers.newDatabase());
  const store = await postgres.ledgers.open({ database });
  await store.settle(attemptRow({ costNanoUsd: 1_000_000n }));
  await store.close();
  const workingDirectory = postgres.ledgers.newDirectory();
  writeFileSync(
    join(workingDirectory, "execution-platform.yaml"),
    'providers: { near: { kind: openai, base_url: "http://127.0.0.1:9/v1" } }\nprices: { file: prices.yaml }\n',
  );
  writeFileSync(
    join(workingDirectory, "prices.yaml"),
    "instances: { near: [{ models: [m], rates: { input: 300, input_cache_read: 300, output: 0 } }] }\n",
  );
  const rerate = (name: string, ...args: readonly string[]) =>
    runCommand(["costs", "rerate", "--from", "2026-11-01", "--to", "2026-12-01", ...args], {
      workingDirectory,
      environment: {
        EP_LEDGER_STORE: "postgres",
        EP_LEDGER_URL: `postgres://${user}:${password}@127.0.0.1:${port}/${name}?sslmode=disable`,
      },
    });
  for (const args of [[], [], ["--write"]]) {
    const { stdout, status } = await rerate(database, ...args);
    expect([stdout.split("\n")[1]?.split(/ +/), status]).toEqual([
      ["2026-11-26", "near", "m", "1", "0.001", "0.003", "+0.002"],
      0,
    ]);
  }
  expect((await rerate(database)).stdout).toContain("No attempt costs anything else.");
  const { status, stderr } = await rerate("nowhere");
  expect([status, stderr]).toEqual([1, expect.stringContaining('database "nowhere" does not exist')]);
  expect(stderr).not.toContain(password);
});
