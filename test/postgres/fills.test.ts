import { afterEach, expect, test } from "@jest/globals";
import pg from "pg";
import { createClient } from "../../src/client/index.ts";
import type { RunningGateway } from "../../src/gateway.ts";
import type { Limit } from "../../src/limit.ts";
import { Secret } from "../../src/secret.ts";
import { attemptRow } from "../ledger/attempt-row.ts";
import { costQuery, pass } from "../ledger/store-suite.ts";
import { ask } from "../support/ask.ts";
import { startTestGateway } from "../support/gateway.ts";
import { testConfig } from "../support/routing.ts";
import { waitFor } from "../support/wait.ts";
import { useLedgers } from "./use-ledgers.ts";

const postgres = useLedgers();
/** What a test has open, which is closed however it ends. */
const opened: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

/** Lets a database take no rows, while it answers all questions, until what is returned is called. */
async function holdRows(database: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ ...postgres.server.settings(database), ssl: false });
  client.on("error", () => undefined);
  await client.connect();
  await client.query("BEGIN");
  await client.query("LOCK TABLE execution_platform.attempts IN SHARE ROW EXCLUSIVE MODE");
  // Before gateways are stopped, which send their last rows then. Ending it twice does no harm.
  opened.unshift(() => client.end());
  return () => client.end();
}

// Mutant seen red: what was settled here and is not in the database yet is not looked at.
test("a question that is to be answered completely fails until all is sent that was settled before it", async () => {
  const database = postgres.ledgers.newDatabase();
  const store = await postgres.ledgers.open({ database });
  opened.push(() => store.close());
  await pass(store, attemptRow());
  expect(await store.costs(costQuery({ isComplete: true }))).toMatchObject({ total: { attempts: 1n } });
  const release = await holdRows(database);
  await pass(store, attemptRow());
  const refusal = { reason: "LEDGER_UNAVAILABLE", extras: { retryAfterMs: 1_000 } };
  await expect(store.costs(costQuery({ isComplete: true }))).rejects.toMatchObject(refusal);
  expect(await store.costs(costQuery())).toMatchObject({ total: { attempts: 1n } });
  await release();
  const answer = await waitFor(() => store.costs(costQuery({ isComplete: true })).catch(() => false as const), {
    what: "the row to be sent",
    timeoutMs: 60_000,
  });
  expect(answer).toMatchObject({ total: { attempts: 2n } });
});

/** Makes one call of a client of its own. */
async function askAt({ grpcUrl }: RunningGateway): Promise<string> {
  const client = createClient({ baseUrl: grpcUrl });
  try {
    return await ask(client);
  } finally {
    client.close();
  }
}

// Mutants seen red: fills do not ask for all; what was settled here and is not in the database yet is not looked at.
test("a hard budget that is used up stays closed over a restart, and when it is put in force, while rows that used it wait in the spool", async () => {
  const database = postgres.ledgers.newDatabase();
  const { password, ...address } = postgres.server.settings(database);
  const directory = postgres.ledgers.newDirectory();
  const ledger = {
    ...testConfig().ledger,
    store: "postgres" as const,
    directory,
    database: { ...address, password: new Secret(password) },
  };
  const usedUp: Limit = {
    scope: "persona",
    value: "default",
    unit: "requests",
    amount: 3n,
    window: "total",
    mode: "hard",
  };
  const start = async (budgets: readonly Limit[]): Promise<RunningGateway> => {
    const gateway = await startTestGateway({ config: { ledger, budgets } });
    opened.push(() => gateway.stop());
    return gateway;
  };
  const first = await start([]);
  const release = await holdRows(database);
  expect(await Promise.all([askAt(first), askAt(first), askAt(first)])).toEqual(Array(3).fill("answered"));
  const { config } = first.state();
  first.reload({ ...config, budgets: [usedUp] });
  expect(await askAt(first)).toBe("LEDGER_UNAVAILABLE");
  await opened.pop()?.();
  const second = await start([usedUp]);
  expect(await askAt(second)).toBe("LEDGER_UNAVAILABLE");
  await release();
  const outcome = await waitFor(
    async () => {
      const reason = await askAt(second);
      return reason !== "LEDGER_UNAVAILABLE" && reason;
    },
    { what: "the rows to be sent", timeoutMs: 60_000 },
  );
  expect(outcome).toBe("BUDGET_EXCEEDED");
});
