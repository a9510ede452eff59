/** Something small that is kept and changed as a whole, such as the definition of a budget. */
export interface KeptRecord {
  readonly id: string;
  /** 1, and 1 more with each change. */
  readonly version: number;
  /** JSON. */
  readonly body: string;
  /** Name of the key that changed it last, with its tenant. */
  readonly changedBy: string;
  /** Milliseconds since the epoch. */
  readonly changedAtMs: number;
}

/** A change of a record. Each is kept, with who made it, when, and what it made of the record, for as long as the store. */
export interface RecordChange {
  /** What sort of thing it is; ids are of their sort. */
  readonly sort: string;
  readonly id: string;
  /** The version that is changed; 0 if there is to be none yet. */
  readonly version: number;
  /** The version it becomes: 1 more if absent. One that was changed elsewhere may have become several more. */
  readonly becomes?: number;
  /** Absent: the record is taken away. */
  readonly body?: string;
  /** Empty: the platform itself; such a change is not kept beside the record. */
  readonly changedBy: string;
  readonly changedAtMs: number;
}

/** Keeps records. Every implementation passes `test/ledger/record-suite.ts`. What rejects does so with LEDGER_UNAVAILABLE. */
export interface RecordStore {
  /** All of a sort, by id. */
  all(sort: string): Promise<readonly KeptRecord[]>;
  /** Makes a change, durably once this is fulfilled; false, with nothing changed, if the record has another version. */
  change(change: RecordChange): Promise<boolean>;
}
