import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { createClient, Role, text } from "../../src/client/index.ts";
import type { RunningGateway } from "../../src/gateway.ts";
import { Secret } from "../../src/secret.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { type FaultyDatabase, startFaultyDatabase } from "../support/database-faults.ts";
import { startTestGateway } from "../support/gateway.ts";
import { testConfig } from "../support/routing.ts";
import { waitFor } from "../support/wait.ts";
import { createLedgers, type Ledgers } from "./ledgers.ts";

const DATABASE = "ledger";
/** How long the database stays away after it was missed, in seconds: `npm run test:postgres:outage` says 30. */
const AWAY_SECONDS = Number(process.env.OUTAGE_SECONDS ?? 0);
const question = { messages: [{ role: Role.USER, parts: [text("Why?")] }] };

let faulty: FaultyDatabase;
let ledgers: Ledgers;
let gateways: readonly RunningGateway[];
let logged = "";

beforeAll(async () => {
  faulty = await startFaultyDatabase(DATABASE, ["-c", "max_connections=12", "-c", "superuser_reserved_connections=0"]);
  ledgers = createLedgers(faulty.server);
  const { password, ...address } = faulty.server.settings(DATABASE);
  const log = createLog("info", {
    write: (line) => {
      logged += line;
    },
  });
  gateways = await Promise.all(
    [1, 2].map(() =>
      startTestGateway({
        log,
        config: {
          ledger: {
            ...testConfig().ledger,
            store: "postgres",
            directory: ledgers.newDirectory(),
            database: { ...address, password: new Secret(password) },
          },
        },
      }),
    ),
  );
});

afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  await ledgers.close();
  await faulty.close();
});

/**
 * Calls both gateways all the time while something else goes on, which is told how many calls were made so far; throws what any call fails with. Returns how many calls were
 * made.
 */
async function whileCalling(work: (made: () => number) => Promise<void>): Promise<number> {
  const state = { isOver: false };
  let calls = 0;
  const callers = gateways.flatMap(({ grpcUrl }) =>
    Array.from({ length: 3 }, () => createClient({ baseUrl: grpcUrl })),
  );
  const calling = Promise.all(
    callers.map(async (client) => {
      while (!state.isOver) {
        for await (const _event of client.chat(question));
        calls += 1;
      }
    }),
  );
  try {
    await Promise.race([work(() => calls), calling]);
  } finally {
    state.isOver = true;
    await calling;
  }
  return calls;
}

const lines = (words: string): number => logged.split("\n").filter((line) => line.includes(words)).length;

/** Waits until a line was logged so many times more. */
const untilLogged = (words: string, before: number, times: number) =>
  waitFor(() => lines(words) >= before + times, { what: `${times} times "${words}"`, timeoutMs: 60_000 });

const LOST = "the ledger's database takes no rows";
const FOUND = "the ledger's database takes rows again";

let passed = 0;

/** No row is missing and none is double, once the backlog is gone. */
async function expectAll(): Promise<void> {
  await waitFor(() => ledgers.counts(DATABASE).rows >= passed, { what: "the backlog to go", timeoutMs: 60_000 });
  const { rows, summed } = ledgers.counts(DATABASE);
  expect({ rows, summed }).toEqual({ rows: passed, summed: passed });
}

// Mutant seen red: a statement has no limit of time on our side (stalled).
describe("calls go on, and every row comes to the database once", () => {
  test.each(["killed", "stalled", "full"] as const)("while the database is %s", async (name) => {
    const [lost, found] = [lines(LOST), lines(FOUND)];
    passed += await whileCalling(async (made) => {
      await faulty[name].begin();
      await untilLogged(LOST, lost, 2);
      const before = made();
      await sleep(AWAY_SECONDS * 1000);
      // Each of the six callers, once more at least.
      await waitFor(() => made() >= before + 12, { what: "calls to go on" });
      expect([lines(LOST), lines(FOUND)]).toEqual([lost + 2, found]);
      if (name === "full") expect(logged).toContain("No space left on device");
      await faulty[name].end();
      await untilLogged(FOUND, found, 2);
    });
    await expectAll();
  });

  test("while it takes no connection more", async () => {
    const [lost, found] = [lines(LOST), lines(FOUND)];
    const held: pg.Client[] = [];
    passed += await whileCalling(async () => {
      while (await connects(held));
      // Each connection that the gateways lose is taken by us.
      while (lines(LOST) < lost + 2) {
        await held[0]?.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'execution-platform'",
        );
        while (await connects(held));
      }
      await Promise.all(held.map((client) => client.end()));
      await untilLogged(FOUND, found, 2);
    });
    await expectAll();
  });

  async function connects(held: pg.Client[]): Promise<boolean> {
    const client = new pg.Client({ ...faulty.server.settings(DATABASE), ssl: false });
    client.on("error", () => undefined);
    try {
      await client.connect();
      held.push(client);
      return true;
    } catch {
      return false;
    }
  }
});
