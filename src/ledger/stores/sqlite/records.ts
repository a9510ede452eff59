import type { DatabaseSync } from "node:sqlite";
import type { KeptRecord, RecordChange } from "../../records.ts";

/** All records of a sort, by id. */
export function readRecords(db: DatabaseSync, sort: string): readonly KeptRecord[] {
  return db
    .prepare("SELECT id, version, body, changed_by, changed_at_ms FROM records WHERE sort = ? ORDER BY id")
    .all(sort)
    .map((row) => ({
      id: String(row.id),
      version: Number(row.version),
      body: String(row.body),
      changedBy: String(row.changed_by),
      changedAtMs: Number(row.changed_at_ms),
    }));
}

/** Makes a change, and enters it among the changes. False, with nothing changed, if the record has another version. Throws what SQLite does. */
export function changeRecord(db: DatabaseSync, change: RecordChange): boolean {
  const { sort, id, version, becomes, body, changedBy, changedAtMs } = change;
  db.exec("BEGIN IMMEDIATE");
  try {
    const before = db.prepare("SELECT version FROM records WHERE sort = ? AND id = ?").get(sort, id);
    const isDue = Number(before?.version ?? 0) === version;
    if (isDue) {
      const next = becomes ?? version + 1;
      if (body === undefined) db.prepare("DELETE FROM records WHERE sort = ? AND id = ?").run(sort, id);
      else {
        db.prepare("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?)").run(
          sort,
          id,
          next,
          body,
          changedBy,
          changedAtMs,
        );
      }
      if (changedBy !== "")
        db.prepare(
          "INSERT INTO record_changes (sort, id, version, body, changed_by, changed_at_ms) VALUES (?, ?, ?, ?, ?, ?)",
        ).run(sort, id, next, body ?? null, changedBy, changedAtMs);
    }
    db.exec("COMMIT");
    return isDue;
  } catch (thrown) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw thrown;
  }
}
