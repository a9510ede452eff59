import { describe, expect, test } from "@jest/globals";
import { settleOperation } from "../../../../src/ledger/stores/sqlite/wire.ts";
import { createWriter, type Writer } from "../../../../src/ledger/stores/sqlite/writer.ts";
import { attemptRow } from "../../attempt-row.ts";
import { ask, days, temporaryDirectory } from "./rig.ts";

const now = Date.UTC(2026, 10, 26, 12);
const retention = { rowsMs: days(30), minutesMs: days(7), hoursMs: days(90) };

function openSpool(directory: string, isSpool = true): Writer {
  return createWriter({ directory, retention, metadataKeys: [], isSpool });
}

/** Settles so many attempts that are older than the retention. */
function settle(writer: Writer, count: number): void {
  const rows = Array.from({ length: count }, () => settleOperation(attemptRow({ endedAtMs: now - days(40) })));
  expect(writer.commit(rows).outcome).toBe("done");
  while (writer.rollUp());
}

function clean(writer: Writer): void {
  while (writer.clean(now));
}

const seqs = (directory: string) => ask(directory, "SELECT seq FROM attempts ORDER BY seq").map(({ seq }) => seq);

describe("a ledger whose rows are sent on", () => {
  // Mutant seen red: what is shipped is not looked at when rows are taken away.
  test("keeps a row that is not in the database however old it is, and takes the others away", () => {
    const directory = temporaryDirectory();
    const writer = openSpool(directory);
    settle(writer, 5);
    clean(writer);
    expect(seqs(directory)).toEqual([1, 2, 3, 4, 5]);
    writer.mark({ name: "shipped", value: 3 });
    writer.mark({ name: "shipped", value: 2 });
    clean(writer);
    expect(seqs(directory)).toEqual([4, 5]);
    writer.close();
  });

  test("numbers rows on where all of them are gone", () => {
    const directory = temporaryDirectory();
    const first = openSpool(directory);
    settle(first, 2);
    first.mark({ name: "shipped", value: 2 });
    clean(first);
    first.close();
    const second = openSpool(directory);
    settle(second, 1);
    expect(seqs(directory)).toEqual([3]);
    second.close();
  });

  test("becomes one from an embedded ledger, and one again, and has no backlog of before", () => {
    const directory = temporaryDirectory();
    const embedded = openSpool(directory, false);
    settle(embedded, 2);
    embedded.close();
    const spool = openSpool(directory);
    const [shipped] = ask(directory, "SELECT value FROM meta WHERE name = 'shipped'");
    expect(shipped?.value).toBe(2);
    settle(spool, 1);
    spool.close();
    const again = openSpool(directory, false);
    clean(again);
    expect(seqs(directory)).toEqual([]);
    again.close();
  });
});
