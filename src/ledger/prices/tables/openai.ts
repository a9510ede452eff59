import type { PriceTable } from "../types.ts";
import { rates, rulesFor } from "./notation.ts";

/**
 * OpenAI's models that take text. Not here, and so without a price: the search previews, whose searches are billed and not reported, and what
 * is billed beside tokens in the Responses API.
 */
export const openaiPrices: PriceTable = {
  vendors: ["openai"],
  asOf: "2026-11-26",
  source:
    "https://developers.openai.com/api/docs/pricing, by way of @pydantic/genai-prices 0.1.8 (standard) and github.com/Portkey-AI/models f654307 (batch, flex, priority, sound)",
  suffix: "-\\d{4}-\\d{2}-\\d{2}",
  tierWords: { default: "", auto: "" },
  rules: [
    ...rulesFor(
      ["gpt-6-astra"],
      {
        standard: rates("10", "1", "50", { inputCacheWrite5m: "12.5" }),
        long: rates("20", "2", "75", { inputCacheWrite5m: "25" }),
      },
      { longOver: 271_999 },
    ),
    ...rulesFor(
      ["gpt-6-sol"],
      {
        standard: rates("2", "0.2", "10", { inputCacheWrite5m: "2.5" }),
        long: rates("4", "0.4", "15", { inputCacheWrite5m: "5" }),
      },
      { longOver: 272_000 },
    ),
    ...rulesFor(
      ["gpt-6-luna"],
      {
        standard: rates("0.1", "0.01", "0.5", { inputCacheWrite5m: "0.125" }),
        long: rates("0.2", "0.02", "0.75", { inputCacheWrite5m: "0.25" }),
      },
      { longOver: 272_000 },
    ),
    ...rulesFor(
      ["gpt-5.6", "gpt-5.6-sol"],
      {
        standard: rates("5", "0.5", "30", { inputCacheWrite5m: "6.25" }),
        long: rates("10", "1", "45", { inputCacheWrite5m: "12.5" }),
        batch: rates("2.5", "0.25", "15", { inputCacheWrite5m: "3.125" }),
        batchLong: rates("5", "0.5", "22.5", { inputCacheWrite5m: "6.25" }),
        flex: rates("2.5", "0.25", "15", { inputCacheWrite5m: "3.125" }),
        flexLong: rates("5", "0.5", "22.5", { inputCacheWrite5m: "6.25" }),
        priority: rates("10", "1", "60", { inputCacheWrite5m: "12.5" }),
      },
      { longOver: 271_999, to: "2026-08-21" },
    ),
    ...rulesFor(
      ["gpt-5.6", "gpt-5.6-sol"],
      {
        standard: rates("4", "0.4", "20", { inputCacheWrite5m: "5" }),
        long: rates("8", "0.8", "30", { inputCacheWrite5m: "10" }),
        batch: rates("2", "0.2", "10", { inputCacheWrite5m: "2.5" }),
        batchLong: rates("4", "0.4", "15", { inputCacheWrite5m: "5" }),
        flex: rates("2", "0.2", "10", { inputCacheWrite5m: "2.5" }),
        flexLong: rates("4", "0.4", "15", { inputCacheWrite5m: "5" }),
        priority: rates("8", "0.8", "40", { inputCacheWrite5m: "10" }),
      },
      { longOver: 271_999, from: "2026-08-21" },
    ),
    ...rulesFor(
      ["gpt-5.6-terra"],
      {
        standard: rates("2.5", "0.25", "15", { inputCacheWrite5m: "3.125" }),
        long: rates("5", "0.5", "22.5", { inputCacheWrite5m: "6.25" }),
        batch: rates("1.25", "0.125", "7.5", { inputCacheWrite5m: "1.5625" }),
        batchLong: rates("2.5", "0.25", "11.25", { inputCacheWrite5m: "3.125" }),
        flex: rates("1.25", "0.125", "7.5", { inputCacheWrite5m: "1.5625" }),
        flexLong: rates("2.5", "0.25", "11.25", { inputCacheWrite5m: "3.125" }),
        priority: rates("5", "0.5", "30", { inputCacheWrite5m: "6.25" }),
      },
      { longOver: 271_999, to: "2026-07-30" },
    ),
    ...rulesFor(
      ["gpt-5.6-terra"],
      {
        standard: rates("2", "0.2", "12", { inputCacheWrite5m: "2.5" }),
        long: rates("4", "0.4", "18", { inputCacheWrite5m: "5" }),
        batch: rates("1", "0.1", "6", { inputCacheWrite5m: "1.25" }),
        batchLong: rates("2", "0.2", "9", { inputCacheWrite5m: "2.5" }),
        flex: rates("1", "0.1", "6", { inputCacheWrite5m: "1.25" }),
        flexLong: rates("2", "0.2", "9", { inputCacheWrite5m: "2.5" }),
        priority: rates("4", "0.4", "24", { inputCacheWrite5m: "5" }),
      },
      { longOver: 271_999, from: "2026-07-30" },
    ),
    ...rulesFor(
      ["gpt-5.6-luna"],
      {
        standard: rates("1", "0.1", "6", { inputCacheWrite5m: "1.25" }),
        long: rates("2", "0.2", "9", { inputCacheWrite5m: "2.5" }),
        batch: rates("0.5", "0.05", "3", { inputCacheWrite5m: "0.625" }),
        batchLong: rates("1", "0.1", "4.5", { inputCacheWrite5m: "1.25" }),
        flex: rates("0.5", "0.05", "3", { inputCacheWrite5m: "0.625" }),
        flexLong: rates("1", "0.1", "4.5", { inputCacheWrite5m: "1.25" }),
        priority: rates("2", "0.2", "12", { inputCacheWrite5m: "2.5" }),
      },
      { longOver: 271_999, to: "2026-07-30" },
    ),
    ...rulesFor(
      ["gpt-5.6-luna"],
      {
        standard: rates("0.2", "0.02", "1.2", { inputCacheWrite5m: "0.25" }),
        long: rates("0.4", "0.04", "1.8", { inputCacheWrite5m: "0.5" }),
        batch: rates("0.1", "0.01", "0.6", { inputCacheWrite5m: "0.125" }),
        batchLong: rates("0.2", "0.02", "0.9", { inputCacheWrite5m: "0.25" }),
        flex: rates("0.1", "0.01", "0.6", { inputCacheWrite5m: "0.125" }),
        flexLong: rates("0.2", "0.02", "0.9", { inputCacheWrite5m: "0.25" }),
        priority: rates("0.4", "0.04", "2.4", { inputCacheWrite5m: "0.5" }),
      },
      { longOver: 271_999, from: "2026-07-30" },
    ),
    ...rulesFor(
      ["gpt-5.5"],
      {
        standard: rates("5", "0.5", "30"),
        long: rates("10", "1", "45"),
        batch: rates("2.5", "0.25", "15"),
        batchLong: rates("5", "0.5", "22.5"),
        flex: rates("2.5", "0.25", "15"),
        flexLong: rates("5", "0.5", "22.5"),
        priority: rates("12.5", "1.25", "75"),
      },
      { longOver: 271_999 },
    ),
    ...rulesFor(
      ["gpt-5.5-pro"],
      {
        standard: rates("30", "-", "180"),
        long: rates("60", "-", "270"),
        batch: rates("15", "-", "90"),
        flex: rates("15", "-", "90"),
      },
      { longOver: 271_999 },
    ),
    ...rulesFor(
      ["gpt-5.4"],
      {
        standard: rates("2.5", "0.25", "15"),
        long: rates("5", "0.5", "22.5"),
        batch: rates("1.25", "0.13", "7.5"),
        batchLong: rates("2.5", "0.25", "11.25"),
        flex: rates("1.25", "0.13", "7.5"),
        flexLong: rates("2.5", "0.25", "11.25"),
        priority: rates("5", "0.5", "30"),
      },
      { longOver: 271_999 },
    ),
    ...rulesFor(
      ["gpt-5.4-pro"],
      {
        standard: rates("30", "-", "180"),
        long: rates("60", "-", "270"),
        batch: rates("15", "-", "90"),
        batchLong: rates("30", "-", "135"),
        flex: rates("15", "-", "90"),
        flexLong: rates("30", "-", "135"),
      },
      { longOver: 271_999 },
    ),
    ...rulesFor(["gpt-5.4-mini"], {
      standard: rates("0.75", "0.075", "4.5"),
      batch: rates("0.375", "0.0375", "2.25"),
      flex: rates("0.375", "0.0375", "2.25"),
      priority: rates("1.5", "0.15", "9"),
    }),
    ...rulesFor(["gpt-5.4-nano"], {
      standard: rates("0.2", "0.02", "1.25"),
      batch: rates("0.1", "0.01", "0.625"),
      flex: rates("0.1", "0.01", "0.625"),
    }),
    ...rulesFor(["gpt-5.3-chat-latest"], { standard: rates("1.75", "0.175", "14") }),
    ...rulesFor(["gpt-5.3-codex", "gpt-5.2-codex"], {
      standard: rates("1.75", "0.175", "14"),
      priority: rates("3.5", "0.35", "28"),
    }),
    ...rulesFor(["gpt-5.2", "gpt-5.2-chat", "gpt-5.2-chat-latest"], {
      standard: rates("1.75", "0.175", "14"),
      batch: rates("0.875", "0.0875", "7"),
      flex: rates("0.875", "0.0875", "7"),
      priority: rates("3.5", "0.35", "28"),
    }),
    ...rulesFor(["gpt-5.2-pro"], { standard: rates("21", "-", "168"), batch: rates("10.5", "-", "84") }),
    ...rulesFor(["gpt-5.1", "gpt-5.1-chat-latest", "gpt-5", "gpt-5-chat-latest"], {
      standard: rates("1.25", "0.125", "10"),
      batch: rates("0.625", "0.0625", "5"),
      flex: rates("0.625", "0.0625", "5"),
      priority: rates("2.5", "0.25", "20"),
    }),
    ...rulesFor(["gpt-5.1-codex", "gpt-5.1-codex-max", "gpt-5-codex"], {
      standard: rates("1.25", "0.125", "10"),
      priority: rates("2.5", "0.25", "20"),
    }),
    ...rulesFor(["gpt-5.1-codex-mini"], { standard: rates("0.25", "0.025", "2") }),
    ...rulesFor(["gpt-5-pro"], { standard: rates("15", "-", "120"), batch: rates("7.5", "-", "60") }),
    ...rulesFor(["gpt-5-mini"], {
      standard: rates("0.25", "0.025", "2"),
      batch: rates("0.125", "0.0125", "1"),
      flex: rates("0.125", "0.0125", "1"),
      priority: rates("0.45", "0.045", "3.6"),
    }),
    ...rulesFor(["gpt-5-nano"], {
      standard: rates("0.05", "0.005", "0.4"),
      batch: rates("0.025", "0.0025", "0.2"),
      flex: rates("0.025", "0.0025", "0.2"),
    }),
    ...rulesFor(["gpt-4.1"], {
      standard: rates("2", "0.5", "8"),
      batch: rates("1", "-", "4"),
      priority: rates("3.5", "0.875", "14"),
    }),
    ...rulesFor(["gpt-4.1-mini"], {
      standard: rates("0.4", "0.1", "1.6"),
      batch: rates("0.2", "-", "0.8"),
      priority: rates("0.7", "0.175", "2.8"),
    }),
    ...rulesFor(["gpt-4.1-nano"], {
      standard: rates("0.1", "0.025", "0.4"),
      batch: rates("0.05", "-", "0.2"),
      priority: rates("0.2", "0.05", "0.8"),
    }),
    ...rulesFor(["gpt-4o"], {
      standard: rates("2.5", "1.25", "10"),
      batch: rates("1.25", "-", "5"),
      priority: rates("4.25", "2.125", "17"),
    }),
    ...rulesFor(["gpt-4o-2024-05-13"], {
      standard: rates("5", "-", "15"),
      batch: rates("2.5", "-", "7.5"),
      priority: rates("8.75", "-", "26.25"),
    }),
    ...rulesFor(["gpt-4o-mini"], {
      standard: rates("0.15", "0.075", "0.6"),
      batch: rates("0.075", "-", "0.3"),
      priority: rates("0.25", "0.125", "1"),
    }),
    ...rulesFor(["chatgpt-4o-latest"], { standard: rates("5", "-", "15") }),
    ...rulesFor(["gpt-audio", "gpt-audio-1.5"], {
      standard: rates("2.5", "-", "10", { inputAudio: "32", outputAudio: "64" }),
    }),
    ...rulesFor(["gpt-audio-mini"], { standard: rates("0.6", "-", "2.4", { inputAudio: "10", outputAudio: "20" }) }),
    ...rulesFor(["gpt-4o-audio-preview-2024-10-01"], {
      standard: rates("2.5", "-", "10", { inputAudio: "100", outputAudio: "200" }),
    }),
    ...rulesFor(["gpt-4o-audio-preview"], {
      standard: rates("2.5", "-", "10", { inputAudio: "40", outputAudio: "80" }),
    }),
    ...rulesFor(["gpt-4o-mini-audio-preview"], {
      standard: rates("0.15", "-", "0.6", { inputAudio: "10", outputAudio: "20" }),
    }),
    ...rulesFor(["o1", "o1-preview"], { standard: rates("15", "7.5", "60"), batch: rates("7.5", "-", "30") }),
    ...rulesFor(["o1-mini", "o3-mini"], { standard: rates("1.1", "0.55", "4.4"), batch: rates("0.55", "-", "2.2") }),
    ...rulesFor(["o1-pro"], { standard: rates("150", "-", "600"), batch: rates("75", "-", "300") }),
    ...rulesFor(["o3"], { standard: rates("10", "0.5", "40") }, { to: "2025-06-10" }),
    ...rulesFor(
      ["o3"],
      {
        standard: rates("2", "0.5", "8"),
        batch: rates("1", "-", "4"),
        flex: rates("1", "0.25", "4"),
        priority: rates("3.5", "0.875", "14"),
      },
      { from: "2025-06-10" },
    ),
    ...rulesFor(["o3-pro"], { standard: rates("20", "-", "80"), batch: rates("10", "-", "40") }),
    ...rulesFor(["o4-mini"], {
      standard: rates("1.1", "0.275", "4.4"),
      batch: rates("0.55", "-", "2.2"),
      flex: rates("0.55", "0.138", "2.2"),
      priority: rates("2", "0.5", "8"),
    }),
    ...rulesFor(["o3-deep-research"], { standard: rates("10", "2.5", "40"), batch: rates("5", "-", "20") }),
    ...rulesFor(["o4-mini-deep-research"], { standard: rates("2", "0.5", "8"), batch: rates("1", "-", "4") }),
    ...rulesFor(
      [
        "gpt-4-turbo",
        "gpt-4-turbo-preview",
        "gpt-4-0125-preview",
        "gpt-4-1106-preview",
        "gpt-4-vision-preview",
        "gpt-4-1106-vision-preview",
      ],
      { standard: rates("10", "-", "30"), batch: rates("5", "-", "15") },
    ),
    ...rulesFor(["gpt-4", "gpt-4-0613", "gpt-4-0314"], {
      standard: rates("30", "-", "60"),
      batch: rates("15", "-", "30"),
    }),
    ...rulesFor(["gpt-3.5-turbo", "gpt-3.5-turbo-0125"], {
      standard: rates("0.5", "-", "1.5"),
      batch: rates("0.25", "-", "0.75"),
    }),
    ...rulesFor(["gpt-3.5-turbo-1106"], { standard: rates("1", "-", "2") }),
  ],
};
