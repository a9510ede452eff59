import type { Buckets } from "../../../src/adapters/usage-buckets.ts";
import { chatByHand } from "./by-hand-chat.ts";
import { geminiByHand } from "./by-hand-gemini.ts";
import { messagesByHand } from "./by-hand-messages.ts";

/** A recorded usage, worked by hand from the body and the vendor's price list. */
export interface HandWorked {
  readonly api: string;
  /** Id of the case. */
  readonly id: string;
  /** The buckets that are not 0. */
  readonly buckets: Buckets;
  /** What it was billed beside tokens. */
  readonly extras?: Readonly<Record<string, number>>;
  /** Nano-USD; undefined where the cost cannot be known, as the comment says. */
  readonly cost: bigint | undefined;
}

/** All of them. */
export const handWorked: readonly HandWorked[] = [...chatByHand, ...messagesByHand, ...geminiByHand];
