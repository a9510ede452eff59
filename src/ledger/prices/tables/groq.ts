import type { PriceTable } from "../types.ts";
import { rates, rulesFor } from "./notation.ts";

/** Models at Groq on whose price two sources agree. Batches, and tools that Groq runs, have none. */
export const groqPrices: PriceTable = {
  vendors: ["groq"],
  asOf: "2026-11-26",
  source: "https://groq.com/pricing, by way of @pydantic/genai-prices 0.1.8 and litellm 1.110.2",
  suffix: "(?!)",
  // On demand is the standard tier; flex costs the same and is refused when there is no room (https://console.groq.com/docs/flex-processing).
  tierWords: { default: "", on_demand: "", flex: "", auto: "" },
  rules: [
    ...rulesFor(["openai/gpt-oss-120b"], { standard: rates("0.15", "0.075", "0.6") }),
    ...rulesFor(["openai/gpt-oss-20b"], { standard: rates("0.075", "0.0375", "0.3") }),
  ],
};
