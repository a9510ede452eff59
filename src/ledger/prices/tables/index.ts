import type { PriceTable } from "../types.ts";
import { anthropicPrices } from "./anthropic.ts";
import { geminiPrices, vertexPrices } from "./gemini.ts";
import { groqPrices } from "./groq.ts";
import { mistralPrices } from "./mistral.ts";
import { openaiPrices } from "./openai.ts";
import { openrouterPrices } from "./openrouter.ts";
import { perplexityPrices } from "./perplexity.ts";
import { xaiPrices } from "./xai.ts";

/** The prices of every vendor the platform knows. A vendor that is not here has no prices, which does not mean that it is free. */
export const priceTables: readonly PriceTable[] = [
  openaiPrices,
  anthropicPrices,
  geminiPrices,
  vertexPrices,
  openrouterPrices,
  perplexityPrices,
  xaiPrices,
  mistralPrices,
  groqPrices,
];
