import { FINISH_WORDS } from "../../../src/adapters/mock/script.ts";
import { ERROR_TABLE, type Reason } from "../../../src/errors.ts";
import type { Wire } from "../shared/wire.ts";

const reasons = Object.keys(ERROR_TABLE).filter((name): name is Reason => Object.hasOwn(ERROR_TABLE, name));

/** The mock has no wire, so it can say everything. */
export const mockWire: Wire = {
  steps: new Set([
    "text",
    "reasoning",
    "refusal",
    "tool_call",
    "tool_calls",
    "tool_result",
    "citation",
    "logprobs",
    "image",
    "audio",
    "provider_state",
    "warning",
    "together",
  ]),
  onePartEach: false,
  usageBuckets: [
    "input_total",
    "output_total",
    "input_uncached",
    "input_cache_read",
    "input_cache_write_5m",
    "input_cache_write_1h",
    "output_text",
    "output_reasoning",
    "input_audio",
    "output_audio",
    "input_image",
    "output_image",
  ],
  provisionalUsage: true,
  finishReasons: FINISH_WORDS,
  omitsIds: true,
  freeForm: true,
  delays: true,
  errorsBefore: reasons,
  errorsAfter: reasons,
  retryAfter: reasons,
};
