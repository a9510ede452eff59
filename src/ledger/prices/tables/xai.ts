import type { PriceTable } from "../types.ts";
import { rates, rulesFor } from "./notation.ts";

/** $25 per thousand sources of Live Search. */
const extras = { num_sources_used: "0.025" };

/** xAI's price above is for 200,000 tokens and more, and for the whole request. */
const longOver = 199_999;

/** xAI's Grok models. Pictures are billed as text. */
export const xaiPrices: PriceTable = {
  vendors: ["xai"],
  asOf: "2026-11-26",
  source: "https://docs.x.ai/docs/models, by way of @pydantic/genai-prices 0.1.8",
  suffix: "-\\d{8}|-latest|-beta",
  tierWords: { default: "", standard: "" },
  rules: [
    ...rulesFor(["grok-4.6"], { standard: rates("2", "0.5", "6"), long: rates("4", "1", "12") }, { extras, longOver }),
    ...rulesFor(
      ["grok-4.5"],
      { standard: rates("2", "0.3", "6"), long: rates("4", "0.6", "12") },
      { extras, longOver },
    ),
    ...rulesFor(
      ["grok-4.3", "grok-4.20"],
      { standard: rates("1.25", "0.2", "2.5"), long: rates("2.5", "0.4", "5") },
      { extras, longOver },
    ),
    ...rulesFor(
      ["grok-4-1-fast", "grok-4-1-fast-reasoning", "grok-4-1-fast-non-reasoning"],
      { standard: rates("0.2", "0.05", "0.5") },
      { extras },
    ),
    ...rulesFor(
      ["grok-4-fast", "grok-4-fast-reasoning", "grok-4-fast-non-reasoning"],
      { standard: rates("0.2", "0.05", "0.5") },
      { extras },
    ),
    ...rulesFor(["grok-code-fast-1", "grok-code-fast"], { standard: rates("0.2", "0.02", "1.5") }, { extras }),
    ...rulesFor(["grok-4", "grok-4-0709", "grok-3"], { standard: rates("3", "0.75", "15") }, { extras }),
    ...rulesFor(["grok-3-mini"], { standard: rates("0.3", "0.075", "0.5") }, { extras }),
  ],
};
