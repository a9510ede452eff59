import { EFFORTS, type Effort, type Quirks } from "./quirks.ts";

/** A bound that every model since Claude 3 takes, for models of which nothing is known. */
const CONSERVATIVE_MAX_TOKENS = 4096;

/**
 * What holds for a model of which nothing is known: whatever the request asks for is sent, and the server may refuse it. Of the options,
 * `inference_geo` and `speed` are not on the list because they change the price.
 */
export const UNKNOWN: Quirks = {
  authHeader: "x-api-key",
  stream: true,
  betas: [],
  maxTokens: CONSERVATIVE_MAX_TOKENS,
  thinking: ["adaptive", "enabled"],
  thinksByDefault: false,
  thinkingOff: "disabled",
  effortWithoutThinking: "max",
  efforts: EFFORTS,
  sampling: "free",
  prefill: true,
  forcedTools: true,
  systemMessages: true,
  options: ["container", "context_management", "diagnostics", "mcp_servers"],
};

const NO_XHIGH: readonly Effort[] = ["low", "medium", "high", "max"];

/** Claude 3 and 3.5: no thinking, no effort. */
const PLAIN: Partial<Quirks> = { thinking: [], thinkingOff: "omit", efforts: [], systemMessages: false };
/** Claude 3.7 and 4: thinking with a budget. */
const BUDGET: Partial<Quirks> = { ...PLAIN, thinking: ["enabled"], thinkingOff: "disabled" };
/** Opus 4.1 and all of 4.5 refuse temperature together with top_p. */
const ONE_OF: Partial<Quirks> = { ...BUDGET, sampling: "one_of" };
/** Opus and Sonnet 4.6: adaptive thinking and effort; the last assistant message is no longer continued. */
const ADAPTIVE: Partial<Quirks> = {
  ...ONE_OF,
  thinking: ["adaptive", "enabled"],
  efforts: NO_XHIGH,
  prefill: false,
};
/** Opus 4.7: no budgets, no sampling, effort `xhigh`. */
const STEERED: Partial<Quirks> = { ...ADAPTIVE, thinking: ["adaptive"], efforts: EFFORTS, sampling: "none" };
/** Claude 5: thinks unless told not to. */
const THINKS: Partial<Quirks> = { ...STEERED, thinksByDefault: true, systemMessages: true };
const ALWAYS: Partial<Quirks> = { ...THINKS, thinkingOff: "never" };

/** A version as one number that grows with it, so that 4.10 comes after 4.9. */
const version = (major: number, minor = 0): number => major * 100 + minor;

/** Stands for the version of `claude-mythos-preview`, which has none. */
const PREVIEW = 0;

const FAMILIES: Readonly<Record<string, (at: number) => Partial<Quirks>>> = {
  opus: (at) => {
    if (at >= version(5, 5)) return { ...ALWAYS, forcedTools: false };
    if (at >= version(5)) return { ...THINKS, effortWithoutThinking: "high" };
    if (at >= version(4, 8)) return { ...STEERED, systemMessages: true };
    if (at >= version(4, 7)) return STEERED;
    if (at >= version(4, 6)) return ADAPTIVE;
    if (at >= version(4, 5)) return { ...ONE_OF, efforts: ["low", "medium", "high"] };
    if (at >= version(4, 1)) return ONE_OF;
    return at >= version(4) ? BUDGET : PLAIN;
  },
  sonnet: (at) => {
    if (at >= version(5, 5)) {
      return { ...THINKS, thinkingOff: "between_tools", effortWithoutThinking: "high", forcedTools: false };
    }
    if (at >= version(5)) return { ...THINKS, systemMessages: false };
    if (at >= version(4, 6)) return ADAPTIVE;
    if (at >= version(4, 5)) return ONE_OF;
    return at >= version(3, 7) ? BUDGET : PLAIN;
  },
  haiku: (at) => {
    if (at >= version(5, 5)) return { ...THINKS, effortWithoutThinking: "high" };
    return at >= version(4, 5) ? ONE_OF : PLAIN;
  },
  fable: (at) => ({ ...ALWAYS, forcedTools: at < version(5, 1) }),
  mythos: (at) => {
    if (at === PREVIEW) return { ...ALWAYS, efforts: NO_XHIGH, forcedTools: false, systemMessages: false };
    return { ...ALWAYS, forcedTools: at < version(5, 1) };
  },
};

/**
 * What Anthropic's models take of the wire's fields, by their name. A version after the newest named here is taken to be like it; a name that
 * is none of Anthropic's (an alias, another vendor's model behind the same wire) says nothing.
 *
 * Sources, read 2026-11: platform.claude.com/docs/en: `models/{haiku,sonnet,opus}-5-5/migration-guide` and `models/opus-5-5/whats-new-opus-5-5`
 * (thinking types, sampling, prefill, forced tools), `build-with-claude/thinking` (defaults, disabling), `build-with-claude/effort` (levels),
 * `build-with-claude/mid-conversation-system-messages`, `about-claude/models/migrating-to-claude-4` (temperature or top_p). For Fable 5.1 and
 * Mythos: pydantic-ai `profiles/anthropic.py` (commit 04b3e2a).
 */
export function modelQuirks(model: string): Partial<Quirks> {
  const [, oldMajor, oldMinor, family = "", major = oldMajor, minor = oldMinor] = NAME.exec(model) ?? [];
  const quirksAt = FAMILIES[family];
  if (quirksAt === undefined || (major === undefined && family !== "mythos")) return {};
  return quirksAt(major === undefined ? PREVIEW : version(Number(major), Number(minor ?? 0)));
}

/** `claude-opus-4-6`, `claude-3-5-sonnet`, or with a dot as OpenRouter writes them. The eight digits of a snapshot are no version. */
const NAME =
  /claude-(?:(\d{1,2})(?:[-.](\d{1,2}))?-)?(opus|sonnet|haiku|fable|mythos)(?:-(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?)?/;
