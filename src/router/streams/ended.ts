import type { ExecutionError } from "../../errors.ts";
import type { FinishReason } from "../../gen/execution/v1/chat_pb.js";
import type { AttemptSummary, Usage } from "../../gen/execution/v1/usage_pb.js";

/** What is known of a stream from its beginning. */
export interface StreamHead {
  readonly streamId: string;
  readonly requestId: string;
  /** Whose it is: to every other tenant it is not there. */
  readonly tenant: string;
  /** Secret that attaches to it again. */
  readonly resumeToken: string;
  readonly persona: string;
  /** Milliseconds since the epoch. */
  readonly createdAtMs: number;
  /** True if it goes on for a time when its last reader has left. */
  readonly continues: boolean;
}

/** How a stream ended: with the event `finished`, or with an error that carries its ChatFailure. */
export interface Ended {
  /** Absent if it finished. */
  readonly error?: ExecutionError;
  /** Milliseconds since the epoch. */
  readonly endedAtMs: number;
}

/** What a stream has done so far, all attempts together. */
export interface StreamFigures {
  readonly attempts: readonly AttemptSummary[];
  readonly usage?: Usage;
  /** Absent if an attempt has no price. */
  readonly costNanoUsd?: bigint;
}

/** How a stream stands. */
export interface StreamStatus extends StreamFigures {
  readonly lastSequence: number;
  /** Undefined while it runs. */
  readonly ended?: Ended;
  /** Why the model stopped, if it finished. */
  readonly finishReason?: FinishReason;
}
