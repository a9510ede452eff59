import { type ChatRequest, type Reasoning, ReasoningEffort, ReasoningSummary } from "../../gen/execution/v1/chat_pb.js";
import { ToolChoiceMode } from "../../gen/execution/v1/tools_pb.js";
import { OWNER } from "./blocks.ts";
import { EFFORTS, type Effort } from "./quirks.ts";
import type { BuildContext } from "./request-notes.ts";
import type { WireThinking } from "./request-wire.ts";

/** What is asked of thinking, as the model takes it. */
export interface BuiltReasoning {
  readonly thinking?: WireThinking;
  readonly effort?: Effort;
}

/** The least budget the wire takes; it must also be less than `max_tokens`. */
const LEAST_BUDGET = 1024;
const MOST_BUDGET = 128_000;

const EFFORT_WORDS: Readonly<Record<ReasoningEffort, Effort | undefined>> = {
  [ReasoningEffort.UNSPECIFIED]: undefined,
  [ReasoningEffort.NONE]: undefined,
  [ReasoningEffort.MINIMAL]: "low",
  [ReasoningEffort.LOW]: "low",
  [ReasoningEffort.MEDIUM]: "medium",
  [ReasoningEffort.HIGH]: "high",
  [ReasoningEffort.XHIGH]: "xhigh",
  [ReasoningEffort.MAX]: "max",
};

/**
 * The part of `max_tokens` that an effort may think with, on models that take a budget and no effort: the shares OpenRouter publishes
 * (openrouter.ai/docs/guides/best-practices/reasoning-tokens). Thinking that is switched on and no more is MEDIUM.
 */
const BUDGET_SHARES: Readonly<Record<ReasoningEffort, number>> = {
  [ReasoningEffort.UNSPECIFIED]: 0.5,
  [ReasoningEffort.NONE]: 0.5,
  [ReasoningEffort.MINIMAL]: 0.1,
  [ReasoningEffort.LOW]: 0.2,
  [ReasoningEffort.MEDIUM]: 0.5,
  [ReasoningEffort.HIGH]: 0.8,
  [ReasoningEffort.XHIGH]: 0.95,
  [ReasoningEffort.MAX]: 0.95,
};

/**
 * Builds what is asked of thinking. `enabled` switches it, as does a budget, effort NONE, and any effort on models that take a budget but no
 * effort; else the model's own habit holds. What the model has no field for is left out with a warning; an effort it does not know becomes the
 * next lower one, and a budget is brought within its bounds, each with a warning.
 */
export function buildReasoning(request: ChatRequest, maxTokens: number, context: BuildContext): BuiltReasoning {
  const { reasoning } = request;
  if (reasoning === undefined) return {};
  if (reasoning.discardPrevious !== undefined) {
    context.ignored("reasoning.discard_previous", "context_management among the provider's options can say it");
  }
  const on = switchOf(reasoning, context);
  const thinking =
    on === false ? noThinking(reasoning, context) : someThinking(request, reasoning, on, maxTokens, context);
  const effort = effortOf(reasoning, on, thinking, context);
  return { ...(thinking !== undefined && { thinking }), ...(effort !== undefined && { effort }) };
}

function switchOf({ enabled, effort, tokenBudget }: Reasoning, { quirks }: BuildContext): boolean | undefined {
  if (enabled !== undefined) return enabled;
  if (tokenBudget !== undefined) return tokenBudget > 0;
  if (effort === ReasoningEffort.NONE) return false;
  const onlyBudgets = quirks.efforts.length === 0 && quirks.thinking.length > 0;
  return effort !== ReasoningEffort.UNSPECIFIED && onlyBudgets ? true : undefined;
}

/** The field that asked for thinking, or for none. */
function asking({ enabled, tokenBudget }: Reasoning): string {
  if (enabled !== undefined) return "reasoning.enabled";
  return tokenBudget === undefined ? "reasoning.effort" : "reasoning.token_budget";
}

function noThinking(reasoning: Reasoning, { quirks, ignored }: BuildContext): WireThinking | undefined {
  if (reasoning.summary !== ReasoningSummary.UNSPECIFIED) ignored("reasoning.summary", "there is no reasoning");
  switch (quirks.thinkingOff) {
    case "disabled":
      return { type: "disabled" };
    case "between_tools":
      return { type: "between_tools" };
    case "never":
      ignored(asking(reasoning), "this model always thinks");
      return undefined;
    default:
      return undefined;
  }
}

function someThinking(
  request: ChatRequest,
  reasoning: Reasoning,
  on: boolean | undefined,
  maxTokens: number,
  context: BuildContext,
): WireThinking | undefined {
  const { quirks, ignored } = context;
  const { tokenBudget, summary } = reasoning;
  const takesAdaptive = quirks.thinking.includes("adaptive");
  // How thinking is shown is part of asking for it, which changes nothing on models that think anyway.
  const isAsked = on ?? (summary !== ReasoningSummary.UNSPECIFIED && quirks.thinksByDefault);
  if (!isAsked || quirks.thinking.length === 0) {
    if (isAsked) ignored(asking(reasoning), "this model does not think");
    if (summary !== ReasoningSummary.UNSPECIFIED) ignored("reasoning.summary", "there is no reasoning");
    return undefined;
  }
  const display = displayOf(summary, context);
  const isBudget = quirks.thinking.includes("enabled") && (tokenBudget !== undefined || !takesAdaptive);
  if (isBudget) return budgeted(request, reasoning, maxTokens, display, context);
  if (tokenBudget !== undefined) ignored("reasoning.token_budget", "this model takes no budget; its effort can be set");
  return { type: "adaptive", ...display };
}

function budgeted(
  { toolChoice }: ChatRequest,
  reasoning: Reasoning,
  maxTokens: number,
  display: Display,
  { ignored, changed }: BuildContext,
): WireThinking | undefined {
  if (toolChoice?.mode === ToolChoiceMode.REQUIRED) {
    ignored(asking(reasoning), "thinking with a budget does not go with a tool choice that forces a call");
    return undefined;
  }
  if (maxTokens <= LEAST_BUDGET) {
    ignored(asking(reasoning), `max_output_tokens leaves no room for the least budget, ${LEAST_BUDGET} tokens`);
    return undefined;
  }
  const { tokenBudget, effort } = reasoning;
  const wanted = tokenBudget ?? Math.min(Math.floor(maxTokens * BUDGET_SHARES[effort]), MOST_BUDGET);
  const budget = Math.min(Math.max(wanted, LEAST_BUDGET), maxTokens - 1);
  if (tokenBudget !== undefined && tokenBudget !== budget) {
    changed("reasoning.token_budget", `${OWNER} takes at least ${LEAST_BUDGET} and less than max_output_tokens`);
  }
  return { type: "enabled", budget_tokens: budget, ...display };
}

interface Display {
  readonly display?: "summarized" | "omitted";
}

function displayOf(summary: ReasoningSummary, { changed }: BuildContext): Display {
  switch (summary) {
    case ReasoningSummary.UNSPECIFIED:
      return {};
    case ReasoningSummary.NONE:
      return { display: "omitted" };
    case ReasoningSummary.AUTO:
      return { display: "summarized" };
    default:
      changed("reasoning.summary", `${OWNER} knows one length of summaries`);
      return { display: "summarized" };
  }
}

function effortOf(
  { effort }: Reasoning,
  on: boolean | undefined,
  thinking: WireThinking | undefined,
  { quirks, ignored, changed }: BuildContext,
): Effort | undefined {
  const asked = EFFORT_WORDS[effort];
  if (asked === undefined) return undefined;
  if (quirks.efforts.length === 0) {
    // A budget stands for it.
    if (thinking?.type !== "enabled" && on !== true) ignored("reasoning.effort", "this model takes none");
    return undefined;
  }
  const isOff = thinking?.type === "disabled" || thinking?.type === "between_tools";
  const most = isOff ? EFFORTS.indexOf(quirks.effortWithoutThinking) : EFFORTS.length;
  const taken = quirks.efforts.filter((known) => EFFORTS.indexOf(known) <= most);
  const chosen = taken.findLast((known) => EFFORTS.indexOf(known) <= EFFORTS.indexOf(asked)) ?? taken[0];
  if (chosen !== asked) changed("reasoning.effort", `${asked} is not among what this model takes; ${chosen} was sent`);
  return chosen;
}
