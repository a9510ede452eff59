import type { PriceRule, PriceTable } from "../types.ts";
import { rates, rulesFor } from "./notation.ts";

/** $10 per thousand searches by the model's own provider. */
const extras = { web_search_requests: "0.01" };

function claude(models: readonly string[], input: string, read: string, write: string, output: string) {
  return rulesFor(models, { standard: rates(input, read, output, { inputCacheWrite5m: write }) }, { extras });
}

const RULES: readonly PriceRule[] = [
  ...claude(["anthropic/claude-fable-5"], "10", "1", "12.5", "50"),
  ...claude(["anthropic/claude-opus-5.5"], "4", "0.2", "5", "20"),
  ...claude(
    [
      "anthropic/claude-opus-5",
      "anthropic/claude-opus-4.8",
      "anthropic/claude-opus-4.7",
      "anthropic/claude-opus-4.6",
      "anthropic/claude-opus-4.5",
    ],
    "5",
    "0.5",
    "6.25",
    "25",
  ),
  ...claude(["anthropic/claude-sonnet-5"], "2", "0.2", "2.5", "10"),
  ...claude(["anthropic/claude-sonnet-4.6", "anthropic/claude-4.6-sonnet"], "3", "0.3", "3.75", "15"),
  ...rulesFor(
    ["anthropic/claude-sonnet-4.5", "anthropic/claude-sonnet-4-5", "anthropic/claude-4.5-sonnet"],
    {
      standard: rates("3", "0.3", "15", { inputCacheWrite5m: "3.75" }),
      long: rates("6", "0.6", "22.5", { inputCacheWrite5m: "7.5" }),
    },
    { extras, longOver: 200_000 },
  ),
  ...claude(["anthropic/claude-haiku-4.5", "anthropic/claude-4.5-haiku"], "1", "0.1", "1.25", "5"),
  ...rulesFor(["google/gemini-2.5-flash"], { standard: rates("0.3", "0.03", "2.5", { inputAudio: "1" }) }, { extras }),
  ...rulesFor(["openai/gpt-5.2"], { standard: rates("1.75", "0.175", "14") }, { extras }),
  ...rulesFor(["openai/gpt-5.1", "openai/gpt-5"], { standard: rates("1.25", "0.125", "10") }, { extras }),
  ...rulesFor(
    ["openai/gpt-5.1-codex-mini", "openai/gpt-5-mini"],
    { standard: rates("0.25", "0.025", "2") },
    { extras },
  ),
  ...rulesFor(["minimax/minimax-m2:free"], { standard: rates("0", "-", "0") }),
];

/**
 * Models that cost the same whichever host OpenRouter picks. The price of an open-weight model depends on the host, and files that a plugin
 * reads are billed and not reported; there OpenRouter's own figure is the only one.
 */
export const openrouterPrices: PriceTable = {
  vendors: ["openrouter"],
  asOf: "2026-11-26",
  source:
    "https://openrouter.ai/models, by way of github.com/Portkey-AI/models f654307 and @pydantic/genai-prices 0.1.8",
  suffix: "-\\d{8}",
  tierWords: { default: "", standard: "", auto: "" },
  rules: RULES,
};
