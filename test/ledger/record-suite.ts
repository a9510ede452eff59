import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { RecordStore } from "../../src/ledger/records.ts";

/** A store under test, and how it is let go of. */
export interface OpenRecords {
  readonly records: RecordStore;
  close(): Promise<void>;
}

const by = { sort: "budget", changedBy: "t/k", changedAtMs: 5 };

/** What every store of records does. */
export function describeRecordStore(name: string, open: () => Promise<OpenRecords>): void {
  describe(`records in ${name}`, () => {
    let opened: OpenRecords;
    let records: RecordStore;
    beforeEach(async () => {
      opened = await open();
      records = opened.records;
    });
    afterEach(() => opened.close());

    test("are there once they are made, by id, each sort for itself", async () => {
      for (const id of ["b", "a"]) expect(await records.change({ ...by, id, version: 0, body: `"${id}"` })).toBe(true);
      await records.change({ ...by, sort: "alert", id: "a", version: 0, body: "1" });
      expect(await records.all("budget")).toEqual([
        { id: "a", version: 1, body: '"a"', changedBy: "t/k", changedAtMs: 5 },
        { id: "b", version: 1, body: '"b"', changedBy: "t/k", changedAtMs: 5 },
      ]);
      expect(await records.all("nothing")).toEqual([]);
    });

    // Mutant seen red: a change without its comparison of versions.
    test("are changed and taken away by whoever has their version alone", async () => {
      await records.change({ ...by, id: "a", version: 0, body: "1" });
      expect(await records.change({ ...by, id: "a", version: 0, body: "2" })).toBe(false);
      expect(await records.change({ ...by, id: "a", version: 2, body: "2" })).toBe(false);
      expect(await records.change({ ...by, id: "a", version: 2 })).toBe(false);
      expect(await records.change({ ...by, id: "a", version: 1, body: "2" })).toBe(true);
      expect(await records.all("budget")).toMatchObject([{ version: 2, body: "2" }]);
      expect(await records.change({ ...by, id: "a", version: 2 })).toBe(true);
      expect(await records.all("budget")).toEqual([]);
    });

    // Mutant seen red: every change makes the version one more.
    test("become the version that is said, where they were changed elsewhere", async () => {
      expect(await records.change({ ...by, id: "a", version: 0, becomes: 7, body: "1" })).toBe(true);
      expect(await records.change({ ...by, id: "a", version: 1, body: "2" })).toBe(false);
      expect(await records.all("budget")).toMatchObject([{ version: 7, body: "1" }]);
      expect(await records.change({ ...by, id: "a", version: 7, becomes: 9, body: "2" })).toBe(true);
      expect(await records.all("budget")).toMatchObject([{ version: 9, body: "2" }]);
    });

    test("of changes at once from one version, one is made", async () => {
      const changes = Array.from({ length: 8 }, (_, index) =>
        records.change({ ...by, id: "a", version: 0, body: String(index) }),
      );
      expect((await Promise.all(changes)).filter(Boolean)).toHaveLength(1);
    });
  });
}
