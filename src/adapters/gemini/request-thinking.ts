import { type Reasoning, ReasoningEffort, ReasoningSummary } from "../../gen/execution/v1/chat_pb.js";
import { THINKING_LEVELS, type ThinkingLevel } from "./quirks.ts";
import { type BuildContext, fitsWire, VENDOR } from "./request-notes.ts";

/** `generationConfig.thinkingConfig`. */
export interface ThinkingConfig {
  readonly includeThoughts?: boolean;
  readonly thinkingLevel?: ThinkingLevel;
  /** -1 leaves it to the model. */
  readonly thinkingBudget?: number;
}

const LEVELS: Readonly<Record<ReasoningEffort, ThinkingLevel | undefined>> = {
  [ReasoningEffort.UNSPECIFIED]: undefined,
  [ReasoningEffort.NONE]: "minimal",
  [ReasoningEffort.MINIMAL]: "minimal",
  [ReasoningEffort.LOW]: "low",
  [ReasoningEffort.MEDIUM]: "medium",
  [ReasoningEffort.HIGH]: "high",
  [ReasoningEffort.XHIGH]: "high",
  [ReasoningEffort.MAX]: "high",
};

/** What Google's own OpenAI endpoint makes of efforts for Gemini 2.5 (ai.google.dev/gemini-api/docs/openai#thinking), in tokens. */
const BUDGETS: Readonly<Record<ThinkingLevel, number>> = { minimal: 1024, low: 1024, medium: 8192, high: 24_576 };

const DYNAMIC = -1;

/**
 * Builds what is asked of thinking, the way the model is dosed. A token budget wins over an effort and is taken by models of both ways; an
 * effort the model has no level for becomes its nearest one, with a warning.
 */
export function buildThinking(reasoning: Reasoning | undefined, context: BuildContext): ThinkingConfig | undefined {
  if (reasoning === undefined) return undefined;
  if (reasoning.discardPrevious !== undefined) {
    context.ignored("reasoning.discard_previous", `${VENDOR} keeps what it is sent back`);
  }
  if (context.quirks.thinking === "none") return withoutThinking(reasoning, context);
  const config = { ...summaryOf(reasoning), ...doseOf(reasoning, context) };
  return Object.keys(config).length === 0 ? undefined : config;
}

/** Asking for thoughts is harmless to a model that has none; what it cannot do is said. */
function withoutThinking(reasoning: Reasoning, { ignored }: BuildContext): ThinkingConfig | undefined {
  const { effort, tokenBudget, enabled } = reasoning;
  const why = "this model does not think";
  if (effort !== ReasoningEffort.UNSPECIFIED && effort !== ReasoningEffort.NONE) ignored("reasoning.effort", why);
  if (tokenBudget !== undefined && tokenBudget > 0) ignored("reasoning.token_budget", why);
  if (enabled === true) ignored("reasoning.enabled", why);
  const config = summaryOf(reasoning);
  return Object.keys(config).length === 0 ? undefined : config;
}

/** Thoughts are summaries of one kind: shown or not. */
function summaryOf({ summary }: Reasoning): ThinkingConfig {
  if (summary === ReasoningSummary.UNSPECIFIED) return {};
  return { includeThoughts: summary !== ReasoningSummary.NONE };
}

function doseOf(reasoning: Reasoning, context: BuildContext): ThinkingConfig {
  const { effort, tokenBudget, enabled } = reasoning;
  const isOff = enabled === false || (enabled === undefined && effort === ReasoningEffort.NONE);
  if (tokenBudget !== undefined && enabled !== false) {
    return fitsWire("reasoning.token_budget", tokenBudget, context) ? { thinkingBudget: tokenBudget } : {};
  }
  if (isOff) return switchedOff(enabled === false ? "reasoning.enabled" : "reasoning.effort", context);
  const level = LEVELS[effort];
  if (level === undefined) return enabled === true && isBudget(context) ? { thinkingBudget: DYNAMIC } : {};
  if (effort === ReasoningEffort.XHIGH || effort === ReasoningEffort.MAX) {
    context.changed("reasoning.effort", `${VENDOR} knows no more than high, which was sent`);
  }
  if (isBudget(context)) return { thinkingBudget: BUDGETS[level] };
  const known = nearest(level, context.quirks.thinkingLevels);
  if (known !== level) context.changed("reasoning.effort", `this model has no level ${level}; ${known} was sent`);
  return { thinkingLevel: known };
}

const isBudget = ({ quirks }: BuildContext): boolean => quirks.thinking === "budget";

function switchedOff(field: string, context: BuildContext): ThinkingConfig {
  const { thinkingOff, thinkingLevels } = context.quirks;
  if (thinkingOff) return { thinkingBudget: 0 };
  if (isBudget(context)) {
    context.ignored(field, "this model always thinks");
    return {};
  }
  const least = nearest("minimal", thinkingLevels);
  context.changed(field, `this model always thinks; its least level ${least} was sent`);
  return { thinkingLevel: least };
}

/** The level itself, else the next lower one the model has, else its lowest. */
function nearest(level: ThinkingLevel, known: readonly ThinkingLevel[]): ThinkingLevel {
  const below = known.filter((one) => THINKING_LEVELS.indexOf(one) <= THINKING_LEVELS.indexOf(level));
  return below.at(-1) ?? known[0] ?? level;
}
