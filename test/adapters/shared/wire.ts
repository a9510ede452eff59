import type { ScriptedFinish, ScriptedUsage } from "../../../src/adapters/mock/script.ts";
import type { Reason } from "../../../src/errors.ts";

/** Content steps that a wire may be able to carry. */
export type WireStep =
  | "text"
  | "reasoning"
  | "refusal"
  | "tool_call"
  | "tool_calls"
  | "tool_result"
  | "citation"
  | "logprobs"
  | "image"
  | "audio"
  | "provider_state"
  | "warning"
  | "together";

/** Buckets a wire's usage may have. */
export type UsageBucket = Exclude<keyof ScriptedUsage, "extras" | "final">;

/** What a provider's wire can say, so that only scripts are drawn which its emulator can play. */
export interface Wire {
  readonly steps: ReadonlySet<WireStep>;
  /** True if a message has at most one text, one reasoning and one refusal, whatever comes between their pieces (chat completions). */
  readonly onePartEach: boolean;
  /** True if a part ends where the next one begins, so that no content can go back to it (generateContent). Absent: no. */
  readonly partsInTurn?: boolean;
  /** True if arguments of a call are always one JSON object, sent whole. Absent: no. */
  readonly argumentObjects?: boolean;
  /** Buckets a script's usage may have; `input_total` and `output_total` are the sums of the others. Empty: no usage. */
  readonly usageBuckets: readonly UsageBucket[];
  /** Whether there may be usage before the end that still grows. */
  readonly provisionalUsage: boolean;
  readonly finishReasons: readonly ScriptedFinish["reason"][];
  /** Whether a tool call can come without an id (`id: ""`), which is then minted. */
  readonly omitsIds: boolean;
  /** Whether calls may be free-form. */
  readonly freeForm: boolean;
  /** Whether `delay_ms` may be scripted; no if it costs real time. */
  readonly delays: boolean;
  /** Reasons its emulator can provoke before the first content, and after it. */
  readonly errorsBefore: readonly Reason[];
  readonly errorsAfter: readonly Reason[];
  /** Reasons for which it can say `retry_after_ms`, in whole seconds, before the first content. */
  readonly retryAfter: readonly Reason[];
  /** State (`owner/kind`) that comes with what this wire carries although no script says so. Absent: none. */
  readonly ownStates?: readonly string[];
}
