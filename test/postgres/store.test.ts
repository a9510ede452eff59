import { afterAll, beforeAll } from "@jest/globals";
import { describeAttempts } from "../ledger/attempt-suite.ts";
import { describeLedgerStore } from "../ledger/store-suite.ts";
import { type PostgresServer, startPostgresServer } from "../support/postgres-server.ts";
import { createLedgers, type Ledgers } from "./ledgers.ts";

let server: PostgresServer;
let ledgers: Ledgers;

beforeAll(async () => {
  server = await startPostgresServer();
  ledgers = createLedgers(server);
});

afterAll(async () => {
  await ledgers.close();
  await server.stop();
});

const open = async () => ledgers.open({ database: ledgers.newDatabase() });

describeLedgerStore("PostgreSQL", open, 2);
describeAttempts("PostgreSQL", open);
