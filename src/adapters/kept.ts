import { ExecutionError } from "../errors.ts";

/** Counts what a decoder keeps of one answer until it can be told, such as the arguments of a tool call. */
export interface Kept {
  /** Counts characters that are kept from now on. Throws PROVIDER_PROTOCOL if that makes more than `MAX_KEPT_CHARACTERS`. */
  add(characters: number): void;
  /** Lets characters go that were counted. */
  drop(characters: number): void;
}

/** Most that is kept of one answer: as much as one event of a stream may hold. */
export const MAX_KEPT_CHARACTERS = 32 * 1024 * 1024;

/** What an entry of a list, or a piece of a text that grows, takes beside its characters. */
export const ENTRY_COST = 64;

/** What a part that is being read takes, and so how many there may be at once: 8,192. */
export const PART_COST = 4096;

/** Creates the count of one answer. A provider decides how much it says, and must not decide how much memory that takes. */
export function createKept(): Kept {
  let kept = 0;
  return {
    add: (characters) => {
      kept += characters;
      if (kept > MAX_KEPT_CHARACTERS) {
        throw new ExecutionError(
          "PROVIDER_PROTOCOL",
          `the provider's answer holds parts of more than ${MAX_KEPT_CHARACTERS} characters together`,
        );
      }
    },
    drop: (characters) => {
      kept -= characters;
    },
  };
}

/** A copy of a text that was cut out of another: a slice would keep the whole of the other in memory. */
export function ownCopy(slice: string): string {
  return Buffer.from(slice).toString();
}
