import type { PriceTable } from "../types.ts";
import { rates, rulesFor } from "./notation.ts";

/**
 * Models of Mistral on whose price two sources agree, by the ids that they agree on. Not here, and so without a price: what a name ending in
 * `-latest` serves where they say different things, models that hear, documents and batches.
 */
export const mistralPrices: PriceTable = {
  vendors: ["mistral"],
  asOf: "2026-11-26",
  source: "https://mistral.ai/pricing, by way of @pydantic/genai-prices 0.1.8 and litellm 1.110.2",
  // An id with another date is another model here.
  suffix: "(?!)",
  tierWords: { default: "", standard: "" },
  rules: [
    ...rulesFor(["mistral-large-2512"], { standard: rates("0.5", "0.05", "1.5") }),
    ...rulesFor(["mistral-medium-latest", "mistral-medium-3-5", "mistral-medium-3.5"], {
      standard: rates("1.5", "0.15", "7.5"),
    }),
    ...rulesFor(["mistral-small-2603"], { standard: rates("0.15", "0.015", "0.6") }),
    ...rulesFor(["ministral-14b-2512"], { standard: rates("0.2", "0.02", "0.2") }),
    ...rulesFor(["ministral-8b-2512", "ministral-8b-latest"], { standard: rates("0.15", "0.015", "0.15") }),
    ...rulesFor(["ministral-3b-2512"], { standard: rates("0.1", "0.01", "0.1") }),
    ...rulesFor(["codestral-2508"], { standard: rates("0.3", "0.03", "0.9") }),
  ],
};
