import type { CostDimension } from "../gen/execution/v1/costs_pb.js";
import type { AttemptOutcome, Billed, Usage } from "../gen/execution/v1/usage_pb.js";
import type { Metadata } from "./metadata.ts";
import type { RecordStore } from "./records.ts";

/** One attempt at a provider, before its request leaves: what is known of it whatever comes of it. */
export interface OpenAttempt {
  /** Minted for the row by the server and told to nobody; it alone keeps a row from being counted twice. Ids that are minted later sort later. */
  readonly attemptId: string;
  readonly streamId: string;
  readonly requestId: string;
  readonly tenant: string;
  /** Name of the API key. */
  readonly key: string;
  readonly persona: string;
  /** Empty if the request names none. */
  readonly endUserId: string;
  readonly metadata: Metadata;
  /** Step of the call, and attempt within the call, from 0. */
  readonly step: number;
  readonly attempt: number;
  /** Instance, kind, and model in the provider's own word. */
  readonly provider: string;
  readonly kind: string;
  readonly model: string;
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** 0 of a provider that is free. Else absent: it is not known yet. */
  readonly costNanoUsd?: bigint;
}

/** What an attempt that runs has used so far, as if it were cut now. */
export interface Checkpoint {
  readonly attemptId: string;
  /** Absent while the provider has said nothing of it. */
  readonly usage?: Usage;
  /** Absent if it has no price, or is not known. */
  readonly costNanoUsd?: bigint;
  /** Empty if it is not priced, or is free. */
  readonly priceVersion: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** One attempt at a provider, after its end. Every attempt has one row, however it and its call ended. */
export interface AttemptRow extends OpenAttempt {
  /** Absent if the provider reported none. Its `source` says whether the figures are the provider's, or an estimate of an answer that was cut. */
  readonly usage?: Usage;
  /** Absent if it has no price or what was used is not known. As good as the usage: an estimate where that is one. */
  readonly costNanoUsd?: bigint;
  /** Version of the prices it was priced by; empty if it was not priced, or is free. */
  readonly priceVersion: string;
  readonly billed: Billed;
  readonly outcome: AttemptOutcome;
  /** Reason of a failure, from the error table; empty otherwise. */
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly endedAtMs: number;
}

/** Values of rows, by which they are found. Absent: any. */
export interface CostFilter {
  readonly tenant?: string;
  readonly key?: string;
  readonly persona?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly endUserId?: string;
  /** Values of declared metadata; an empty one is that of rows without it. */
  readonly metadata?: Metadata;
}

/** Where a group stands in a listing: its key in the order of the listing. */
export interface CostPosition {
  readonly costNanoUsd: bigint;
  readonly group: readonly string[];
}

/** What was used and what it cost, by group. */
export interface CostQuery {
  /** First and last-but-one minute of the window, by the end of the attempts: milliseconds since the epoch, whole minutes. */
  readonly startMs: number;
  readonly endMs: number;
  readonly groupBy: readonly CostDimension[];
  /** Name of the metadata that the dimension METADATA has the values of. */
  readonly metadataKey?: string;
  readonly filter: CostFilter;
  /** Most groups to return. */
  readonly limit: number;
  /** Most groups there may be, returned or not: each is held in memory, and sorted, for every page. Absent: any number. */
  readonly maxGroups?: number;
  /** Only groups after this one. */
  readonly after?: CostPosition;
  /** Fails with LEDGER_UNAVAILABLE rather than answer without rows that this process, or one before it with the same directory, had settled before it asked. */
  readonly isComplete?: true;
}

/** Attempts that are over, in an order of the store's own that stays the same from page to page. */
export interface AttemptQuery {
  /** First and last-but-one millisecond of the window, by the end of the attempts. */
  readonly startMs: number;
  readonly endMs: number;
  readonly filter: CostFilter;
  /** Most attempts to return. */
  readonly limit: number;
  /** Where the page before has ended, its `next`, which only the store reads; absent at first. */
  readonly after?: string;
}

/** What an attempt's row says of itself. */
export interface SettledAttempt extends Omit<AttemptRow, "usage"> {
  /** Absent if it is not known. */
  readonly inputTokens?: bigint;
  readonly outputTokens?: bigint;
  readonly cacheReadTokens?: bigint;
  readonly reasoningTokens?: bigint;
}

/** Some of the attempts of a query; maybe none, though there are more. */
export interface AttemptPage {
  readonly attempts: readonly SettledAttempt[];
  /** Where to go on; absent if there are no more. */
  readonly next?: string;
}

/** Sums over attempts, each at most what an int64 can hold, where it stands still. */
export interface CostSums {
  /** Calls whose first attempt is among them. */
  readonly calls: bigint;
  readonly attempts: bigint;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly cacheReadTokens: bigint;
  readonly reasoningTokens: bigint;
  /** Of the attempts whose cost is known. */
  readonly costNanoUsd: bigint;
  /** Attempts that are or may be billed and whose cost is not known. */
  readonly unpricedAttempts: bigint;
}

/** One group: the values of the dimensions in the order they were asked for, and its sums. */
export interface CostGroup extends CostSums {
  readonly group: readonly string[];
}

/** The answer to a query. */
export interface CostAnswer {
  /** In order: by the times among the dimensions, then the most expensive first, then by the other values. */
  readonly groups: readonly CostGroup[];
  /** The sums of all groups, returned or not. */
  readonly total: CostSums;
  /** True if there are more groups after the last one. */
  readonly hasMore: boolean;
  /** True if there are more groups than `maxGroups`; then the answer has none of them, and no sums. */
  readonly isTooLarge?: true;
}

/**
 * Keeps the rows of attempts. Every implementation passes `test/ledger/store-suite.ts`, and one that keeps rows `attempt-suite.ts` beside it. Whatever
 * rejects does so with LEDGER_UNAVAILABLE where the store cannot write now and may later.
 */
export interface LedgerStore {
  /** Names of the metadata that sums are kept apart by: no other can be asked for. */
  readonly metadataKeys: readonly string[];
  /** Enters an attempt that is about to be sent. Once the promise is fulfilled it is known after any end of the process. It counts in no answer. */
  open(attempt: OpenAttempt): Promise<void>;
  /** Notes what an open attempt has used. It is as durable soon after; nobody waits for it. One of an attempt that is not open changes nothing. */
  checkpoint(checkpoint: Checkpoint): void;
  /**
   * Keeps the row of an attempt that is over, which is no longer open then. Once the promise is fulfilled the row is known after any end of the process,
   * and counts in every answer. A row whose id was settled already changes nothing. A row that is rejected is not given up: it is written when that is possible.
   */
  settle(row: AttemptRow): Promise<void>;
  /** False while attempts cannot be opened: the disk is full, or fails. Finds out by itself when they can again. */
  isWritable(): boolean;
  /** Sums rows up. */
  costs(query: CostQuery): Promise<CostAnswer>;
  /** Reads rows: at first no fewer than were settled here before. Throws UNIMPLEMENTED if the store keeps sums alone. */
  attempts(query: AttemptQuery): Promise<AttemptPage>;
  /** Small things that are kept beside the rows. */
  readonly records: RecordStore;
  /** Lets go of what the store holds. */
  close(): Promise<void>;
}
