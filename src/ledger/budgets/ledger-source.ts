import type { RecordStore } from "../records.ts";

const SORT = "ledger";
const ID = "source";

/** The name of a ledger, which it keeps: it stays the same in every process that opens it. */
export async function ledgerSource(records: RecordStore, newId: () => string, nowMs: () => number): Promise<string> {
  const change = { sort: SORT, id: ID, version: 0, body: JSON.stringify(newId()), changedBy: "", changedAtMs: nowMs() };
  const [found] = await records.all(SORT);
  if (found === undefined) await records.change(change);
  return String(JSON.parse(found?.body ?? change.body));
}
