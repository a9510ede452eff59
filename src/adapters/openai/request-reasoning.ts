import type { Reasoning } from "../../gen/execution/v1/chat_pb.js";
import { ReasoningEffort, ReasoningSummary } from "../../gen/execution/v1/chat_pb.js";
import { EFFORTS, type EffortWord } from "./quirks.ts";
import type { BuildContext } from "./request-notes.ts";
import type { WireBody } from "./request-wire.ts";

const EFFORT_WORDS: Readonly<Record<ReasoningEffort, EffortWord | undefined>> = {
  [ReasoningEffort.UNSPECIFIED]: undefined,
  [ReasoningEffort.NONE]: "none",
  [ReasoningEffort.MINIMAL]: "minimal",
  [ReasoningEffort.LOW]: "low",
  [ReasoningEffort.MEDIUM]: "medium",
  [ReasoningEffort.HIGH]: "high",
  [ReasoningEffort.XHIGH]: "xhigh",
  [ReasoningEffort.MAX]: "max",
};

/** What is asked of reasoning, as the server takes it. What it has no field for is left out with a warning. */
export function buildReasoning(reasoning: Reasoning | undefined, context: BuildContext): Partial<WireBody> {
  if (reasoning === undefined) return {};
  const asked = { ...reasoning, word: EFFORT_WORDS[reasoning.effort] };
  switch (context.quirks.reasoningStyle) {
    case "effort":
      return effortStyle(asked, context, []);
    case "openrouter":
      return openrouterStyle(asked, context);
    case "thinking":
      return thinkingStyle(asked, context, false);
    case "thinking_and_effort":
      return thinkingStyle(asked, context, true);
    case "enable_thinking":
      return enableThinkingStyle(asked, context);
    default:
      ignore(asked, ["effort", "token_budget", "enabled", "summary", "discard_previous"], context);
      return {};
  }
}

type Asked = Reasoning & { readonly word: EffortWord | undefined };
type Field = "effort" | "token_budget" | "enabled" | "summary" | "discard_previous";

function ignore(asked: Asked, fields: readonly Field[], { quirks, ignored }: BuildContext): void {
  const isSet: Readonly<Record<Field, boolean>> = {
    effort: asked.word !== undefined,
    token_budget: asked.tokenBudget !== undefined,
    enabled: asked.enabled !== undefined,
    summary: asked.summary !== ReasoningSummary.UNSPECIFIED,
    discard_previous: asked.discardPrevious !== undefined,
  };
  for (const field of fields) {
    if (isSet[field]) ignored(`reasoning.${field}`, `${quirks.vendor} has no field for it`);
  }
}

function effortStyle(asked: Asked, context: BuildContext, carried: readonly Field[]): Partial<WireBody> {
  const lacking: readonly Field[] = ["token_budget", "enabled", "summary", "discard_previous"];
  ignore(
    asked,
    lacking.filter((field) => !carried.includes(field)),
    context,
  );
  const effort = asked.word === undefined ? undefined : knownEffort(asked.word, context);
  return effort === undefined ? {} : { reasoning_effort: effort };
}

/** The effort itself, or the nearest one the server knows. `none` is no small effort but a switch, so it never stands for another. */
function knownEffort(word: EffortWord, { quirks, ignored, changed }: BuildContext): EffortWord | undefined {
  if (quirks.efforts.includes(word)) return word;
  const reasoning = EFFORTS.filter((known) => known !== "none" && quirks.efforts.includes(known));
  const lower = reasoning.findLast((known) => EFFORTS.indexOf(known) < EFFORTS.indexOf(word));
  const nearest = lower ?? reasoning[0];
  if (nearest === undefined) ignored("reasoning.effort", `${quirks.vendor} does not know ${word}`);
  else changed("reasoning.effort", `${quirks.vendor} does not know ${word}; ${nearest} was sent`);
  return nearest;
}

function openrouterStyle(asked: Asked, context: BuildContext): Partial<WireBody> {
  const { word, tokenBudget, enabled, summary } = asked;
  const isHidden = summary === ReasoningSummary.NONE;
  ignore(asked, isHidden ? ["discard_previous"] : ["summary", "discard_previous"], context);
  const fields = {
    // It takes one of the two, and the contract says which.
    ...(word !== undefined && tokenBudget === undefined && { effort: word }),
    ...(tokenBudget !== undefined && { max_tokens: tokenBudget }),
    ...(enabled !== undefined && { enabled }),
    ...(isHidden && { exclude: true as const }),
  };
  return Object.keys(fields).length === 0 ? {} : { reasoning: fields };
}

function thinkingStyle(asked: Asked, context: BuildContext, withEffort: boolean): Partial<WireBody> {
  const { word, tokenBudget, enabled, discardPrevious } = asked;
  const isOn = enabled ?? (withEffort ? undefined : switchOf(asked));
  const fields = {
    ...(isOn !== undefined && { type: isOn ? ("enabled" as const) : ("disabled" as const) }),
    ...(tokenBudget !== undefined && { budget_tokens: tokenBudget }),
    ...(discardPrevious !== undefined && { clear_thinking: discardPrevious }),
  };
  const thinking = Object.keys(fields).length === 0 ? {} : { thinking: fields };
  if (withEffort) {
    return { ...thinking, ...effortStyle(asked, context, ["token_budget", "enabled", "discard_previous"]) };
  }
  ignore(asked, word === "none" ? ["summary"] : ["effort", "summary"], context);
  return thinking;
}

function enableThinkingStyle(asked: Asked, context: BuildContext): Partial<WireBody> {
  const isOn = asked.enabled ?? switchOf(asked);
  ignore(
    asked,
    asked.word === "none" ? ["summary", "discard_previous"] : ["effort", "summary", "discard_previous"],
    context,
  );
  return {
    ...(isOn !== undefined && { enable_thinking: isOn }),
    ...(asked.tokenBudget !== undefined && { thinking_budget: asked.tokenBudget }),
  };
}

/** A server that only has a switch is switched by the effort. */
const switchOf = ({ word }: Asked): boolean | undefined => (word === undefined ? undefined : word !== "none");
