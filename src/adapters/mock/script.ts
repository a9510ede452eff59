import { ERROR_TABLE, type Reason } from "../../errors.ts";
import { FinishReason } from "../../gen/execution/v1/chat_pb.js";
import {
  base64,
  boolean,
  converted,
  integer,
  list,
  number,
  object,
  oneNamed,
  oneOf,
  onlyTrue,
  string,
  type ValueOf,
} from "./shape.ts";

/** Most deltas one step may make with `repeat`. */
const MAX_REPEAT = 1_000_000;

const text = string({ min: 1 });
const count = integer(0, 2 ** 32 - 1);
const asList = (value: unknown): unknown => (typeof value === "string" ? [value] : value);
/** Text in the pieces in which it arrives; one string is one piece. */
const pieces = converted(asList, list(text, { min: 1 }));
const part = string({ min: 1, max: 64 });
const streamed = { part, repeat: integer(1, MAX_REPEAT), per_read: integer(1, 10_000) };

const toolCall = object(
  { name: string({ min: 1, max: 256 }) },
  {
    arguments: converted(asList, list(text)),
    id: string({ max: 256 }),
    executor: oneOf(["CALLER", "PROVIDER"]),
    free_form: boolean,
    part,
  },
);

const citation = object(
  {},
  {
    url: string(),
    title: string(),
    cited_text: string(),
    start_index: count,
    end_index: count,
    document_index: count,
    source_id: string(),
  },
);

const tokenLogprob = { token: string(), logprob: number(-1_000_000, 0) };

const usage = object(
  {},
  {
    input_total: count,
    output_total: count,
    input_uncached: count,
    input_cache_read: count,
    input_cache_write_5m: count,
    input_cache_write_1h: count,
    output_text: count,
    output_reasoning: count,
    input_audio: count,
    output_audio: count,
    input_image: count,
    output_image: count,
    extras: list(object({ name: text, quantity: count }, {})),
    final: boolean,
  },
);

type FinishWord = Exclude<keyof typeof FinishReason, "UNSPECIFIED">;

/** Words for the reasons to finish: those of the contract without their prefix. */
export const FINISH_WORDS: readonly FinishWord[] = Object.keys(FinishReason).filter(
  (name): name is FinishWord => Number.isNaN(Number(name)) && name !== "UNSPECIFIED",
);

const asReason = (value: unknown): unknown => (typeof value === "string" ? { reason: value } : value);
const finish = converted(
  asReason,
  object({ reason: oneOf(FINISH_WORDS) }, { provider_reason: string(), provider_message: string() }),
);

const REASONS = Object.keys(ERROR_TABLE).filter((name): name is Reason => Object.hasOwn(ERROR_TABLE, name));

/** Steps that make events; they may stand in `together`. */
const EVENT_STEPS = {
  text: object({ text: pieces }, streamed),
  reasoning: object({ reasoning: pieces }, streamed),
  refusal: object({ refusal: pieces }, streamed),
  tool_call: object({ tool_call: toolCall }, {}),
  tool_calls: object({ tool_calls: list(toolCall, { min: 1, max: 128 }) }, {}),
  tool_result: object({ tool_result: object({ id: text, text }, { is_error: boolean, duration_ms: count }) }, {}),
  citation: object({ citation }, { part }),
  logprobs: object(
    { logprobs: list(object(tokenLogprob, { top: list(object(tokenLogprob, {})) }), { min: 1 }) },
    { part },
  ),
  image: object({ image: object({ data: base64({ min: 1 }), mime_type: text }, {}) }, {}),
  audio: object(
    { audio: object({}, { data: base64(), mime_type: string(), transcript: string(), provider_id: string() }) },
    { part },
  ),
  provider_state: object(
    {
      provider_state: object({ kind: string({ max: 128 }), data: base64() }, { owner: string({ min: 1, max: 128 }) }),
    },
    { part },
  ),
  usage: object({ usage }, {}),
  no_usage: object({ no_usage: onlyTrue }, {}),
  warning: object({ warning: object({ code: text }, { field: string(), text: string() }) }, {}),
  finish: object({ finish }, {}),
};

const eventStep = oneNamed(EVENT_STEPS);

/** Reads one step by itself; `script-rules.ts` adds the rules about a script as a whole. Reading a step that was read changes nothing. */
export const stepShape = oneNamed({
  ...EVENT_STEPS,
  together: object({ together: list(eventStep, { min: 1 }) }, {}),
  delay_ms: object({ delay_ms: integer(0, 3_600_000) }, {}),
  error: object(
    {
      error: converted(
        asReason,
        object(
          { reason: oneOf(REASONS) },
          { message: text, retry_after_ms: integer(0, 86_400_000), provider_message: string({ max: 512 }) },
        ),
      ),
    },
    {},
  ),
  truncate: object({ truncate: onlyTrue }, {}),
  stall: object({ stall: onlyTrue }, {}),
});

/** A step that makes events. */
export type EventStep = ValueOf<typeof eventStep>;
/** A tool call as a script writes it. */
export type ScriptedToolCall = ValueOf<typeof toolCall>;
/** Usage as a script writes it. */
export type ScriptedUsage = ValueOf<typeof usage>;
/** An end as a script writes it. */
export type ScriptedFinish = ValueOf<typeof finish>;
/** One step of a script: an object with exactly one of the names above; see docs/mock.md. */
export type Step = ValueOf<typeof stepShape>;
/** What the mock does in one attempt, in order. */
export type Script = readonly Step[];
