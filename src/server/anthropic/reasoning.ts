import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Reasoning, ReasoningEffort, ReasoningSchema, ReasoningSummary } from "../../gen/execution/v1/chat_pb.js";
import { asCount, asObject, asWord, type Field, optional } from "../edge/fields.ts";

const EFFORTS = {
  low: ReasoningEffort.LOW,
  medium: ReasoningEffort.MEDIUM,
  high: ReasoningEffort.HIGH,
  xhigh: ReasoningEffort.XHIGH,
  max: ReasoningEffort.MAX,
};

const DISPLAYS = { summarized: ReasoningSummary.AUTO, omitted: ReasoningSummary.NONE };

/** `between_tools` is how models that cannot stop thinking altogether are switched off. */
const TYPES = {
  adaptive: { enabled: true, isBudget: false },
  enabled: { enabled: true, isBudget: true },
  disabled: { enabled: false, isBudget: false },
  between_tools: { enabled: false, isBudget: false },
};

/** Reads `thinking` and `output_config.effort`; undefined if the body says nothing of them. */
export function readReasoning(thinking: Field | undefined, effort: Field | undefined): Reasoning | undefined {
  if (thinking === undefined && effort === undefined) return undefined;
  return create(ReasoningSchema, {
    ...(thinking !== undefined && readThinking(thinking)),
    ...optional("effort", effort, (field) => asWord(field, EFFORTS)),
  });
}

function readThinking(field: Field): MessageInitShape<typeof ReasoningSchema> {
  const fields = asObject(field);
  const { enabled, isBudget } = asWord(fields.need("type"), TYPES);
  const found = {
    enabled,
    ...(isBudget && { tokenBudget: asCount(fields.need("budget_tokens"), 1024) }),
    ...(enabled && optional("summary", fields.take("display"), (display) => asWord(display, DISPLAYS))),
  };
  fields.close();
  return found;
}
