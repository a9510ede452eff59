import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { attemptRow } from "../ledger/attempt-row.ts";
import { costQuery, pass } from "../ledger/store-suite.ts";
import { freePort } from "../support/free-port.ts";
import { startProgram } from "../support/serve.ts";
import { waitFor } from "../support/wait.ts";
import type { LedgerPlace } from "./ledgers.ts";
import { openLossyLink } from "./lossy-link.ts";
import { useLedgers } from "./use-ledgers.ts";

const postgres = useLedgers();

/** What a ledger that does not open says. */
const refusal = async (place: Omit<LedgerPlace, "database"> & { readonly database?: string }): Promise<string> => {
  const opened = await postgres.ledgers.open({ database: "postgres", ...place }).catch((thrown: unknown) => thrown);
  expect(opened).toMatchObject({ name: "LedgerOpenError" });
  return opened instanceof Error ? opened.message : "";
};

describe("a ledger in a database does not open", () => {
  // Mutant seen red: every error at the start is taken for an outage.
  test("with a wrong password, user or database, and says neither password nor URL", async () => {
    const said = await refusal({ settings: { password: "hunter2" } });
    expect(said).toContain('password authentication failed for user "ledger"');
    expect(said).not.toContain("hunter2");
    expect(await refusal({ settings: { user: "nobody" } })).toContain("nobody");
    expect(await refusal({ database: "elsewhere" })).toContain('database "elsewhere" does not exist');
  });

  test("where TLS is wanted and the server has none", async () => {
    expect(await refusal({ settings: { tls: "verified" } })).toContain("does not support SSL");
  });

  test("where its user may not make what it needs", async () => {
    const database = postgres.ledgers.newDatabase();
    postgres.server.psql(
      database,
      `CREATE ROLE reader LOGIN PASSWORD 'r'; GRANT CONNECT ON DATABASE ${database} TO reader`,
    );
    expect(await refusal({ database, settings: { user: "reader", password: "r" } })).toContain("permission denied");
  });

  test("that a newer program has changed", async () => {
    const database = postgres.ledgers.newDatabase();
    await (await postgres.ledgers.open({ database })).close();
    postgres.server.psql(database, "UPDATE execution_platform.meta SET value = 99 WHERE name = 'version'");
    expect(await refusal({ database })).toContain("changed by a newer program (schema 99, this one knows 2)");
  });

  test("without a spool: its directory cannot be made, or is another process's", async () => {
    const database = postgres.ledgers.newDatabase();
    const file = join(postgres.ledgers.newDirectory(), "file");
    writeFileSync(file, "");
    expect(await refusal({ database, directory: join(file, "spool") })).toContain("data directory");
    const directory = postgres.ledgers.newDirectory();
    const owner = await postgres.ledgers.open({ database, directory });
    expect(await refusal({ database, directory })).toContain("another process keeps its ledger");
    await owner.close();
  });
});

test("the program ends at once where the database refuses it, and prints no password", async () => {
  const { port } = postgres.server.settings("postgres");
  const environment = {
    EP_LEDGER_STORE: "postgres",
    EP_LEDGER_URL: `postgres://ledger:hunter2@127.0.0.1:${port}/postgres`,
    EP_DATA_DIR: postgres.ledgers.newDirectory(),
    EP_GRPC_PORT: "0",
    EP_HTTP_PORT: "0",
  };
  const program = startProgram(["serve"], { environment, workingDirectory: postgres.ledgers.newDirectory() });
  expect(await program.ended).not.toBe(0);
  expect(program.stderr()).toContain(
    `the ledger's database postgres at 127.0.0.1:${port} refuses: password authentication`,
  );
  expect(`${program.stdout()}${program.stderr()}`).not.toContain("hunter2");
});

describe("a ledger in a database", () => {
  test("opens with a notice where the database cannot be reached, and sends its rows when it can", async () => {
    const database = postgres.ledgers.newDatabase();
    const port = await freePort();
    const store = await postgres.ledgers.open({ database, settings: { port } });
    expect(postgres.ledgers.told.at(-1)).toMatch(/^not reachable: .*ECONNREFUSED/);
    await pass(store, attemptRow());
    await expect(store.costs(costQuery())).rejects.toMatchObject({
      reason: "LEDGER_UNAVAILABLE",
      extras: { retryAfterMs: 1_000 },
    });
    const link = await openLossyLink(postgres.server.port, port);
    await waitFor(() => postgres.ledgers.told.at(-1) === "reachable", { what: "the database", timeoutMs: 30_000 });
    expect((await store.costs(costQuery())).total.attempts).toBe(1n);
    await store.close();
    await link.close();
  });

  test("takes away rows and sums whose time is over, and keeps the days", async () => {
    const database = postgres.ledgers.newDatabase();
    const dayMs = 86_400_000;
    const retention = { rowsMs: dayMs, minutesMs: dayMs, hoursMs: dayMs };
    const store = await postgres.ledgers.open({ database });
    await pass(store, attemptRow({ endedAtMs: Date.now() - 40 * dayMs }));
    await pass(store, attemptRow({ endedAtMs: Date.now() }));
    await store.close();
    const next = await postgres.ledgers.open({ database, retention });
    const left = () =>
      postgres.server.psql(
        database,
        "SELECT (SELECT count(*) FROM execution_platform.attempts), grain, count(DISTINCT period) FROM execution_platform.sums GROUP BY grain ORDER BY grain",
      );
    await waitFor(() => left() === "1|0|1\n1|1|1\n1|2|2", { what: "what is old to go", timeoutMs: 30_000 });
    const { total } = await next.costs(costQuery({ startMs: 0, endMs: Date.UTC(2999, 0, 1) }));
    expect(total.attempts).toBe(2n);
    await next.close();
  });
});
