import type { PriceRule, PriceTable, RateTexts } from "../types.ts";
import { inRegion, rates, rulesFor } from "./notation.ts";

/** Rates of a Gemini model: input, cache read, sound in, output. Pictures and video in cost what text does. */
function gemini(input: string, read: string, inputAudio: string, output: string): RateTexts {
  return rates(input, read, output, { inputAudio });
}

/** $14 per thousand search queries with Gemini 3; what is free of them each month is not known here. Before, prompts were billed, not queries. */
const extras = { web_search_queries: "0.014" };

const PRO_3 = {
  standard: gemini("2", "0.2", "2", "12"),
  long: gemini("4", "0.4", "4", "18"),
  batch: gemini("1", "-", "1", "6"),
  batchLong: gemini("2", "-", "2", "9"),
  flex: gemini("1", "-", "1", "6"),
  flexLong: gemini("2", "-", "2", "9"),
  priority: gemini("3.6", "0.36", "3.6", "21.6"),
  priorityLong: gemini("7.2", "0.72", "7.2", "32.4"),
};

/** What costs the same at the Gemini API and on Vertex AI. */
const COMMON: readonly PriceRule[] = [
  ...rulesFor(["gemini-3.1-pro-preview", "gemini-3-pro-preview"], PRO_3, { extras, longOver: 200_000 }),
  ...rulesFor(
    ["gemini-3-flash-preview"],
    {
      standard: gemini("0.5", "0.05", "1", "3"),
      batch: gemini("0.25", "-", "0.5", "1.5"),
      flex: gemini("0.25", "-", "0.5", "1.5"),
      priority: gemini("0.9", "0.09", "1.8", "5.4"),
    },
    { extras },
  ),
  ...rulesFor(
    ["gemini-2.5-pro"],
    {
      standard: gemini("1.25", "0.125", "1.25", "10"),
      long: gemini("2.5", "0.25", "2.5", "15"),
      batch: gemini("0.625", "-", "0.625", "5"),
      batchLong: gemini("1.25", "-", "1.25", "7.5"),
      flex: gemini("0.625", "-", "0.625", "5"),
      flexLong: gemini("1.25", "-", "1.25", "7.5"),
      priority: gemini("2.25", "0.225", "2.25", "18"),
      priorityLong: gemini("4.5", "0.45", "4.5", "27"),
    },
    { longOver: 200_000 },
  ),
  ...rulesFor(["gemini-2.5-flash"], {
    standard: gemini("0.3", "0.03", "1", "2.5"),
    batch: gemini("0.15", "-", "0.5", "1.25"),
    flex: gemini("0.15", "-", "0.5", "1.25"),
    priority: gemini("0.54", "0.054", "1.8", "4.5"),
  }),
  ...rulesFor(["gemini-2.5-flash-lite"], {
    standard: gemini("0.1", "0.01", "0.3", "0.4"),
    batch: gemini("0.05", "-", "0.15", "0.2"),
    flex: gemini("0.05", "-", "0.15", "0.2"),
    priority: gemini("0.18", "0.018", "0.54", "0.72"),
  }),
  ...rulesFor(["gemini-2.5-flash-image"], {
    standard: rates("0.3", "-", "2.5", { outputImage: "30" }),
    batch: rates("0.15", "-", "1.25", { outputImage: "15" }),
  }),
];

const INTRODUCTORY = {
  standard: gemini("0.75", "0.075", "0.75", "3.75"),
  batch: gemini("0.375", "-", "0.375", "1.875"),
  flex: gemini("0.375", "-", "0.375", "1.875"),
  priority: gemini("1.35", "0.135", "1.35", "6.75"),
};

const FLASH_3 = {
  standard: gemini("1.5", "0.15", "1.5", "7.5"),
  batch: gemini("0.75", "-", "0.75", "3.75"),
  flex: gemini("0.75", "-", "0.75", "3.75"),
  priority: gemini("2.7", "0.27", "2.7", "13.5"),
};

const FLASH_3_IDS = ["gemini-3.8-flash", "gemini-3.7-flash", "gemini-3.6-flash"];

/** What costs the same at the Gemini API and at the global endpoint of Vertex AI. */
const NEWER: readonly PriceRule[] = [
  ...rulesFor(FLASH_3_IDS, INTRODUCTORY, { extras, to: "2027-01-01" }),
  ...rulesFor(FLASH_3_IDS, FLASH_3, { extras, from: "2027-01-01" }),
  ...rulesFor(
    ["gemini-3.5-flash"],
    {
      standard: gemini("1.5", "0.15", "1.5", "9"),
      batch: gemini("0.75", "-", "0.75", "4.5"),
      flex: gemini("0.75", "-", "0.75", "4.5"),
    },
    { extras },
  ),
  ...rulesFor(
    ["gemini-3.5-flash-lite"],
    {
      standard: gemini("0.3", "0.03", "0.3", "2.5"),
      batch: gemini("0.15", "-", "0.15", "1.25"),
      flex: gemini("0.15", "-", "0.15", "1.25"),
    },
    { extras },
  ),
  ...rulesFor(
    ["gemini-3.1-flash-lite"],
    {
      standard: gemini("0.25", "0.025", "0.5", "1.5"),
      batch: gemini("0.125", "-", "0.25", "0.75"),
    },
    { extras },
  ),
];

/** Google's models at the Gemini API, its paid tier. Without a price: searches of the models before
 * Gemini 3, maps, and the storage of caches. */
export const geminiPrices: PriceTable = {
  vendors: ["gemini"],
  asOf: "2026-11-26",
  source:
    "https://ai.google.dev/gemini-api/docs/pricing, by way of @pydantic/genai-prices 0.1.8 (standard) and github.com/Portkey-AI/models f654307 (batch, flex, priority)",
  suffix: "-\\d{3}|-latest|-preview-\\d{2}-\\d{2}|-preview-\\d{2}-\\d{4}|-preview",
  tierWords: { standard: "", unspecified: "" },
  rules: [
    ...COMMON,
    ...NEWER,
    ...rulesFor(["gemini-3-pro-image"], { standard: rates("2", "-", "12", { outputImage: "120" }) }),
    ...rulesFor(["gemini-3.1-flash-image"], { standard: rates("0.5", "-", "3", { outputImage: "60" }) }),
    ...rulesFor(["gemini-2.0-flash"], {
      standard: gemini("0.1", "0.025", "0.7", "0.4"),
      batch: gemini("0.05", "-", "0.35", "0.2"),
    }),
    ...rulesFor(["gemini-2.0-flash-lite"], {
      standard: gemini("0.075", "-", "0.075", "0.3"),
      batch: gemini("0.0375", "-", "0.0375", "0.15"),
    }),
    ...rulesFor(
      ["gemini-1.5-flash"],
      { standard: rates("0.075", "0.01875", "0.3"), long: rates("0.15", "0.0375", "0.6") },
      { longOver: 128_000 },
    ),
    ...rulesFor(
      ["gemini-1.5-pro"],
      { standard: rates("1.25", "0.3125", "5"), long: rates("2.5", "0.625", "10") },
      { longOver: 128_000 },
    ),
  ],
};

/**
 * Google's models on Vertex AI. Newer ones cost more outside the global endpoint, so that they have a price there alone. Provisioned throughput is
 * paid ahead and has none.
 */
export const vertexPrices: PriceTable = {
  vendors: ["vertex"],
  asOf: "2026-11-26",
  source:
    "https://cloud.google.com/vertex-ai/generative-ai/pricing, by way of github.com/Portkey-AI/models f654307, @pydantic/genai-prices 0.1.8 and litellm 1.110.2 (Gemini 3 at the global endpoint)",
  suffix: geminiPrices.suffix,
  tierWords: { ON_DEMAND: "", ON_DEMAND_FLEX: "flex", ON_DEMAND_PRIORITY: "priority" },
  rules: [
    ...inRegion("*", [
      ...COMMON,
      ...rulesFor(["gemini-2.0-flash"], {
        standard: rates("0.15", "-", "0.6", { inputAudio: "1" }),
        batch: rates("0.075", "-", "0.3", { inputAudio: "0.5" }),
      }),
      ...rulesFor(["gemini-2.0-flash-lite"], { standard: rates("0.075", "-", "0.3", { inputAudio: "0.075" }) }),
    ]),
    ...inRegion("global", NEWER),
  ],
};
