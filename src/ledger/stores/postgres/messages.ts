import type { AttemptPage, AttemptQuery, CostAnswer, CostQuery } from "../../store.ts";
import type { Retention } from "../sqlite/retention.ts";
import type { DatabaseSettings } from "./database.ts";

/** What the shipper's thread is started with. */
export interface ShipperSettings {
  readonly directory: string;
  readonly database: DatabaseSettings;
  readonly retention: Retention;
  readonly metadataKeys: readonly string[];
}

/** What the thread is told. */
export type ShipperRequest =
  | { readonly type: "costs"; readonly id: number; readonly query: CostQuery }
  | { readonly type: "attempts"; readonly id: number; readonly query: AttemptQuery }
  /** Asks for a `flushed` when all that is settled now is in the database, or the time is over. */
  | { readonly type: "flush"; readonly id: number; readonly withinMs: number };

/** What the thread says first: it has begun, with the database or without it, or it cannot, with the words of a LedgerOpenError. */
export type ShipperReady =
  | {
      readonly type: "ready";
      /** The spool's last row, and up to which row the database has them. */
      readonly lastSeq: number;
      readonly shipped: number;
      /** Why the database cannot be reached; undefined if it can. */
      readonly outage: string | undefined;
    }
  | { readonly type: "refused"; readonly message: string };

/** What the thread says then. */
export type ShipperAnswer =
  | { readonly type: "answer"; readonly id: number; readonly answer: CostAnswer }
  | { readonly type: "page"; readonly id: number; readonly page: AttemptPage }
  | { readonly type: "failed"; readonly id: number; readonly why: string }
  /** The answer would be without rows that were settled here, and was to be complete. */
  | { readonly type: "behind"; readonly id: number }
  | { readonly type: "flushed"; readonly id: number; readonly left: number }
  | { readonly type: "shipped"; readonly seq: number }
  | { readonly type: "renamed"; readonly spoolId: number }
  | { readonly type: "reached" }
  | { readonly type: "lost"; readonly why: string };
