import { ExecutionError } from "../../errors.ts";
import { CostDimension } from "../../gen/execution/v1/costs_pb.js";
import { addSums, isTime, noSums, pageOf, periodName, type RunningSums, sumsOf, tooLarge } from "../cost-groups.ts";
import { createMetadataValues, hasMetadata, type MetadataValue } from "../metadata.ts";
import type { CostFilter, CostQuery, LedgerStore } from "../store.ts";
import { type Labels, labelsOf } from "./labelled-sums.ts";
import { createMemoryRecords } from "./memory-records.ts";
import { createTenantSums, type TenantSums } from "./tenant-sums.ts";

/** How much a store in memory keeps. */
export interface MemoryStoreOptions {
  /** Most sums: one for each minute and combination of tenant, key, persona, provider, model, end user and declared metadata. */
  readonly maxSums: number;
  /** Most ids of rows it remembers, so that a row that comes twice counts once. The oldest go first. */
  readonly maxAttemptIds: number;
  /** Names of metadata that sums are kept apart by. Absent: none. */
  readonly metadataKeys?: readonly string[];
}

const minuteMs = 60_000;

/**
 * Creates a store that keeps sums by minute in memory, no rows: what was counted is gone with the process. Its bound is on sums, some 500
 * bytes each. Past it the tenant that has most makes room, so that nobody's end users push out what others have used: its oldest minutes no
 * longer keep end users and metadata apart, then not models, and in the end are forgotten.
 */
export function createMemoryStore({ maxSums, maxAttemptIds, metadataKeys = [] }: MemoryStoreOptions): LedgerStore {
  const tenants = new Map<string, TenantSums>();
  const attemptIds = new Set<string>();

  const remember = (attemptId: string): boolean => {
    if (attemptIds.has(attemptId)) return false;
    attemptIds.add(attemptId);
    if (attemptIds.size > maxAttemptIds) attemptIds.delete(attemptIds.values().next().value ?? "");
    return true;
  };

  /** Makes room once; false if there is none to make. */
  const makeRoom = (): boolean => {
    let most: TenantSums | undefined;
    for (const tenant of tenants.values()) if (tenant.size > (most?.size ?? 0)) most = tenant;
    return most?.shrink() ?? false;
  };

  const isFull = (): boolean => tenants.values().reduce((total, { size }) => total + size, 0) > maxSums;

  return {
    metadataKeys,
    open: async () => undefined,
    checkpoint: () => undefined,
    isWritable: () => true,
    records: createMemoryRecords(),
    attempts: async () => {
      throw new ExecutionError("UNIMPLEMENTED", "the ledger is kept in memory, which has sums and no attempts");
    },
    settle: async (row) => {
      if (!remember(row.attemptId)) return;
      const tenant = tenants.get(row.tenant) ?? createTenantSums();
      tenants.set(row.tenant, tenant);
      tenant.add(Math.floor(row.endedAtMs / minuteMs) * minuteMs, labelsOf(row, metadataKeys), sumsOf(row));
      while (isFull() && makeRoom());
    },
    costs: async (query) => {
      const { startMs, endMs, filter, maxGroups = Number.POSITIVE_INFINITY } = query;
      const groups = new Map<string, Group>();
      const total = noSums();
      const metadataValue = createMetadataValues();
      for (const tenant of tenants.values()) {
        for (const [minute, { labels, sums }] of tenant.within(startMs, endMs)) {
          if (!matches(labels, filter, metadataValue)) continue;
          addSums(total, sums);
          addSums(groupFor(groups, groupOf(labels, minute, query, metadataValue)), sums);
        }
      }
      if (groups.size > maxGroups) return tooLarge();
      const found = [...groups.values()].map(({ group, sums }) => ({ group, ...sums }));
      return { ...pageOf(found, query), total };
    },
    close: async () => {
      tenants.clear();
      attemptIds.clear();
    },
  };
}

/** A group of an answer. */
interface Group {
  readonly group: readonly string[];
  readonly sums: RunningSums;
}

function groupFor(groups: Map<string, Group>, group: readonly string[]): RunningSums {
  const id = JSON.stringify(group);
  const known = groups.get(id);
  if (known !== undefined) return known.sums;
  const sums = noSums();
  groups.set(id, { group, sums });
  return sums;
}

const FILTERS = ["tenant", "key", "persona", "provider", "model", "endUserId"] as const satisfies (keyof Labels)[];

function matches(labels: Labels, filter: CostFilter, metadataValue: MetadataValue): boolean {
  const { metadata = {} } = filter;
  return (
    FILTERS.every((name) => filter[name] === undefined || filter[name] === labels[name]) &&
    hasMetadata(labels.metadata, metadata, metadataValue)
  );
}

/** The label of each dimension that is no time. */
const LABELS: ReadonlyMap<CostDimension, keyof Labels> = new Map([
  [CostDimension.TENANT, "tenant"],
  [CostDimension.KEY, "key"],
  [CostDimension.PERSONA, "persona"],
  [CostDimension.PROVIDER, "provider"],
  [CostDimension.MODEL, "model"],
  [CostDimension.END_USER, "endUserId"],
]);

function groupOf(
  labels: Labels,
  minute: number,
  { groupBy, metadataKey = "" }: CostQuery,
  metadataValue: MetadataValue,
): readonly string[] {
  return groupBy.map((dimension) => {
    if (isTime(dimension)) return periodName(dimension, minute);
    if (dimension === CostDimension.METADATA) return metadataValue(labels.metadata, metadataKey);
    const label = LABELS.get(dimension);
    return label === undefined ? "" : labels[label];
  });
}
