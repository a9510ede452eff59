import type { PriceTable } from "../types.ts";
import { rates, rulesFor } from "./notation.ts";

/** Every request searches once, with as much context as it asks for; the default is low. Queries are billed for deep research alone. */
const requestFees = ["search_context_low", "search_context_medium", "search_context_high"];

function fees(low: string, medium: string, high: string) {
  const extras = { search_context_low: low, search_context_medium: medium, search_context_high: high };
  return { requestFees, extras: { ...extras, num_search_queries: "0" } };
}

/** Perplexity's Sonar models, but for deep research, whose citation tokens are billed apart. */
export const perplexityPrices: PriceTable = {
  vendors: ["perplexity"],
  asOf: "2026-11-26",
  source: "https://docs.perplexity.ai/docs/getting-started/pricing, by way of github.com/Portkey-AI/models f654307",
  suffix: "-\\d{4}-\\d{2}-\\d{2}",
  tierWords: { standard: "", default: "" },
  rules: [
    ...rulesFor(["sonar"], { standard: rates("1", "-", "1") }, fees("0.005", "0.008", "0.012")),
    ...rulesFor(["sonar-pro"], { standard: rates("3", "-", "15") }, fees("0.006", "0.01", "0.014")),
    ...rulesFor(["sonar-reasoning"], { standard: rates("1", "-", "5") }, fees("0.005", "0.008", "0.012")),
    ...rulesFor(["sonar-reasoning-pro"], { standard: rates("2", "-", "8") }, fees("0.006", "0.01", "0.014")),
  ],
};
