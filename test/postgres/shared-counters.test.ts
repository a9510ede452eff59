import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createClient } from "../../src/client/index.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { connectValkey } from "../../src/valkey.ts";
import { ask } from "../support/ask.ts";
import { startServe } from "../support/serve.ts";
import { startValkeyServer, type ValkeyServer } from "../support/valkey-server.ts";
import { waitFor } from "../support/wait.ts";
import { useLedgers } from "./use-ledgers.ts";

const postgres = useLedgers();
let shared: ValkeyServer;

beforeAll(async () => {
  shared = await startValkeyServer();
});

afterAll(() => shared.stop());

/** Starts gateways that count one budget of ten calls together, and write down in one database. */
async function serve(count: number, database: string) {
  const file = join(postgres.ledgers.newDirectory(), "gateway.yaml");
  const budget = "{ scope: persona, name: default, unit: requests, amount: 10, window: total }";
  await writeFile(file, `providers: { mock: { kind: mock } }\nbudgets:\n  - ${budget}\n`);
  const { host, port, user, password } = postgres.server.settings(database);
  const environment = {
    EP_CONFIG: file,
    EP_LOG_LEVEL: "warn",
    EP_ADMIN_ADDR: "off",
    EP_STATE_URL: shared.url,
    EP_LEDGER_STORE: "postgres",
    EP_LEDGER_URL: `postgres://${user}:${password}@${host}:${port}/${database}?sslmode=disable`,
  };
  return Promise.all(
    Array.from({ length: count }, () =>
      startServe({ environment: { ...environment, EP_DATA_DIR: postgres.ledgers.newDirectory() } }),
    ),
  );
}

// Mutants seen red: a database that nothing is told of; one that each process tells of as if it were its own.
test("counters that the shared state has lost begin with what the database has, once, whatever process was asked", async () => {
  const database = postgres.ledgers.newDatabase();
  const gateways = await serve(2, database);
  const clients = gateways.map(({ grpcUrl }) => createClient({ baseUrl: grpcUrl }));
  const direct = await connectValkey(shared.url, createLog("silent"));
  try {
    for (let call = 0; call < 7; call += 1) {
      for (const client of clients.slice(call % 2, (call % 2) + 1)) expect(await ask(client)).toBe("answered");
    }
    await waitFor(() => postgres.ledgers.counts(database).summed === 7, {
      what: "the rows in the database",
      timeoutMs: 30_000,
    });
    await direct.send("FLUSHALL");
    const outcomes: string[] = [];
    for (const client of [...clients, ...clients, ...clients]) {
      const outcome = await waitFor(
        async () => {
          const reason = await ask(client);
          return reason !== "LEDGER_UNAVAILABLE" && reason;
        },
        { what: "the counters to be filled", timeoutMs: 30_000 },
      );
      outcomes.push(outcome);
    }
    expect(outcomes).toEqual([...Array(3).fill("answered"), ...Array(3).fill("BUDGET_EXCEEDED")]);
  } finally {
    await direct.close();
    for (const client of clients) client.close();
    await Promise.all(gateways.map((gateway) => gateway.stop()));
  }
});
