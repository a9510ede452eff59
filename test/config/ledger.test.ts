import { resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { load, problemsOf } from "./load-from.ts";

const hour = 3_600_000;

describe("the ledger", () => {
  test("is in SQLite in ./data by default, with rows for 30 days, minutes for 7 and hours for 90", async () => {
    const { config } = await load({});
    expect(config.ledger).toMatchObject({
      store: "sqlite",
      keepRowsMs: 720 * hour,
      keepMinutesMs: 168 * hour,
      keepHoursMs: 2160 * hour,
      metadataKeys: [],
    });
    expect(config.ledger.directory).toMatch(/\/data$/);
  });

  test("is where the file or a variable says", async () => {
    const file = "data_dir: /var/lib/ep\nledger: { keep_rows: 24h, metadata_keys: [team, project] }";
    const { config } = await load({ file, environment: { EP_DATA_DIR: "/elsewhere", EP_LEDGER_STORE: "memory" } });
    expect(config.ledger).toMatchObject({
      store: "memory",
      directory: resolve("/elsewhere"),
      keepRowsMs: 24 * hour,
      metadataKeys: ["team", "project"],
    });
  });

  // Mutant seen red: the two are not compared.
  test("is refused with hours that go before minutes, too many metadata keys, or a store there is not", async () => {
    const problems = (
      await problemsOf({ file: "ledger: { keep_hours: 1h, keep_minutes: 2h, metadata_keys: [a, b, c, d, e] }" })
    ).join("\n");
    expect(problems).toContain("must have at most 4 items");
    expect((await problemsOf({ file: "ledger: { keep_hours: 1h, keep_minutes: 2h }" })).join()).toContain(
      "ledger.keep_hours: must not be shorter than ledger.keep_minutes",
    );
    expect((await problemsOf({ file: "ledger: { store: oracle }" })).join()).toContain(
      "must be one of sqlite, postgres, memory",
    );
  });
});
