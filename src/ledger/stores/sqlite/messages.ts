import type { KeptRecord, RecordChange } from "../../records.ts";
import type { AttemptPage, AttemptQuery, CostAnswer, CostQuery } from "../../store.ts";
import type { Retention } from "./retention.ts";
import type { Operation } from "./wire.ts";

/** What a thread of the ledger is started with. */
export interface ThreadSettings {
  readonly role: "writer" | "reader";
  readonly directory: string;
  readonly retention: Retention;
  readonly metadataKeys: readonly string[];
  /** True if settled rows are sent on to a database, and stay at least until they are there. */
  readonly isSpool: boolean;
}

/** A number that the writer keeps for those who send rows on: the last row that is in the database, or the spool's name there. */
export interface SpoolMark {
  readonly name: "shipped" | "spool_id";
  readonly value: number;
}

/** What became of a commit. */
export interface CommitResult {
  /** `done`; `opens_refused`: what was open could go on, and is written; `failed`: nothing is written. */
  readonly outcome: "done" | "opens_refused" | "failed";
  /** Why, if not all was done. */
  readonly why: string;
  /** Whether attempts may be opened from now on. */
  readonly isWritable: boolean;
  /** How long SQLite took to commit, which is mostly the disk's time, in milliseconds. */
  readonly commitMs: number;
}

/** What the writer is told. It answers each `commit` and `probe` by a CommitResult, in order, and what concerns records by its id. */
export type WriterRequest =
  | { readonly type: "commit"; readonly operations: readonly Operation[] }
  | { readonly type: "probe" }
  | ({ readonly type: "mark" } & SpoolMark)
  | RecordRequest
  | { readonly type: "close" };

/** What the writer is told of records. */
export type RecordRequest =
  | { readonly type: "change"; readonly id: number; readonly change: RecordChange }
  | { readonly type: "records"; readonly id: number; readonly sort: string };

/** What the reader can be asked: by name, with the question and its answer. */
export interface Questions {
  readonly costs: { readonly query: CostQuery; readonly answer: CostAnswer };
  readonly attempts: { readonly query: AttemptQuery; readonly answer: AttemptPage };
}

/** A question to the reader. */
export type Question = {
  [Name in keyof Questions]: { readonly type: Name; readonly query: Questions[Name]["query"] };
}[keyof Questions];

/** What the reader is told. */
export type ReaderRequest = (Question & { readonly id: number }) | { readonly type: "close" };

/** What a thread says first: it is open, or cannot be, with the words of a LedgerOpenError. */
export type ThreadReady =
  | { readonly type: "ready"; readonly recovered: number }
  | { readonly type: "refused"; readonly message: string };

/** What the writer says then. */
export type WriterAnswer = { readonly type: "result"; readonly result: CommitResult } | RecordAnswer;

/** What of records: whether one had the version that was to be changed, or all of a sort; without an answer why there is none. */
export interface RecordAnswer {
  readonly type: "record";
  readonly id: number;
  readonly answer?: boolean | readonly KeptRecord[];
  readonly why: string;
}

/** What the reader says then. */
export type ReaderAnswer =
  | { readonly type: "answer"; readonly id: number; readonly answer: Questions[keyof Questions]["answer"] }
  | { readonly type: "failed"; readonly id: number; readonly why: string };
