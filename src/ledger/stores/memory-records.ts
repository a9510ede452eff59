import type { KeptRecord, RecordStore } from "../records.ts";

/** Creates a store of records that are gone with the process. */
export function createMemoryRecords(): RecordStore {
  const sorts = new Map<string, Map<string, KeptRecord>>();
  return {
    all: async (sort) => [...(sorts.get(sort)?.values() ?? [])].sort(byId),
    change: async ({ sort, id, version, becomes, body, changedBy, changedAtMs }) => {
      const records = sorts.get(sort) ?? new Map<string, KeptRecord>();
      if ((records.get(id)?.version ?? 0) !== version) return false;
      sorts.set(sort, records);
      if (body === undefined) records.delete(id);
      else records.set(id, { id, version: becomes ?? version + 1, body, changedBy, changedAtMs });
      return true;
    },
  };
}

function byId({ id: one }: KeptRecord, { id: other }: KeptRecord): number {
  return one < other ? -1 : 1;
}
