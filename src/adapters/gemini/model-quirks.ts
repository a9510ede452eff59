import type { HintField, Quirks, Surface, ThinkingLevel } from "./quirks.ts";

/** What is known of the models whose names begin so. */
interface KnownModels {
  readonly names: RegExp;
  readonly quirks: Partial<Quirks>;
}

const PENALTIES: readonly HintField[] = ["frequency_penalty", "presence_penalty"];
const NO_SAMPLING_EXTRAS: readonly HintField[] = [...PENALTIES, "logprobs"];

const budget = (thinkingOff: boolean): Partial<Quirks> => ({ thinking: "budget", thinkingLevels: [], thinkingOff });
const levels = (...thinkingLevels: ThinkingLevel[]): Partial<Quirks> => ({ thinking: "level", thinkingLevels });
const NO_THINKING: Partial<Quirks> = { thinking: "none", thinkingLevels: [], thinkingOff: false };
/** Gemini 3 brought pictures in results of functions, and calls of server-side tools that can be seen. */
const GEMINI_3: Partial<Quirks> = { toolResultMedia: true, serverToolCalls: true };

/**
 * What models do not share with their wire, the first match counts. A Gemini that is not named here is taken for one after 3.6, which refuse
 * the level `minimal`.
 *
 * Sources: ai.google.dev/gemini-api/docs/thinking and docs/gemini-3 (levels and budgets), docs/whats-new-gemini-3.5 and the developer's guide
 * to Gemini 3.5 Flash at docs.cloud.google.com (levels by model), ai.google.dev/gemini-api/docs/tool-combination, models.dev providers/google
 * (commit f3fc692), and what the servers answer: "Penalty is not enabled" by google-gemini/cookbook#1290 and vercel/ai#8943, "Logprobs is not
 * enabled" by mscraftsman/generative-ai#135 and GoogleCloudPlatform/generative-ai#2947; vercel/ai#5418 shows them at Vertex AI up to 2.5.
 */
const KNOWN: readonly KnownModels[] = [
  { names: /^gemini-(1|2\.0)/, quirks: { ...NO_THINKING, validatedMode: false } },
  { names: /^gemini-2\.5-flash-(image|preview-tts)|^gemini-2\.5-pro-(preview-)?tts/, quirks: NO_THINKING },
  { names: /^gemini-2\.5-flash/, quirks: budget(true) },
  { names: /^gemini-2\.5/, quirks: budget(false) },
  { names: /^gemini-3\.1-flash-image/, quirks: { ...GEMINI_3, ...levels("minimal", "high") } },
  { names: /^gemini-3-pro-image/, quirks: { ...GEMINI_3, ...NO_THINKING } },
  { names: /^gemini-3-pro/, quirks: { ...GEMINI_3, ...levels("low", "high") } },
  { names: /^gemini-3\.\d+-pro/, quirks: { ...GEMINI_3, ...levels("low", "medium", "high") } },
  { names: /^gemini-3(\.[156])?-flash/, quirks: { ...GEMINI_3, ...levels("minimal", "low", "medium", "high") } },
  { names: /^gemini-/, quirks: { ...GEMINI_3, ...levels("low", "medium", "high") } },
  { names: /^gemma-/, quirks: { ...NO_THINKING, validatedMode: false } },
];

/** Peculiarities of a model by its name, which is Google's own at both surfaces. */
export function modelQuirks(surface: Surface, model: string): Partial<Quirks> {
  const name = model.replace(/^.*\//, "");
  const known = KNOWN.find(({ names }) => names.test(name));
  const { serverToolCalls = false, ...quirks } = known?.quirks ?? {};
  return { ...quirks, serverToolCalls: serverToolCalls && surface === "gemini_api", ignores: ignoredBy(surface, name) };
}

function ignoredBy(surface: Surface, name: string): readonly HintField[] {
  if (/^gemini-2\.0/.test(name)) return [];
  return surface === "vertex" && /^gemini-2\.5/.test(name) ? PENALTIES : NO_SAMPLING_EXTRAS;
}
