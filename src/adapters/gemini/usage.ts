import { unknownUsage } from "../../contract/usage.ts";
import { type BilledExtra, type Usage, UsageSource } from "../../gen/execution/v1/usage_pb.js";
import { asArray, asCount, asObject, asText, type JsonObject } from "../json.ts";
import { type Buckets, known, rest } from "../usage-buckets.ts";

/**
 * Reads `usageMetadata` into disjoint buckets. `promptTokenCount` holds the cached tokens; what tools of the provider gave the model as input
 * (`toolUsePromptTokenCount`) is not in it, nor are thoughts in `candidatesTokenCount`; `totalTokenCount` is the sum of the four (the reference
 * at ai.google.dev/api/generate-content#UsageMetadata). A count of 0 is left out on this wire, so once there is a total an absent count is 0.
 * Details by modality tell sound and pictures apart; video and documents are priced as text. `queries` is how many web searches were made,
 * which are billed by number.
 */
export function readUsage(reported: JsonObject, queries: number): Usage {
  return {
    ...unknownUsage(),
    ...known(inputBuckets(reported)),
    ...known(outputBuckets(reported)),
    extras: queries === 0 ? [] : [searches(queries)],
    source: UsageSource.PROVIDER,
    serviceTier: tierOf(reported),
  };
}

/** Vertex AI's traffic types where enums are asked for as numbers. */
const TRAFFIC_TYPES: readonly unknown[] = ["", "ON_DEMAND", "PROVISIONED_THROUGHPUT"];

/** What is billed: a tier at the Gemini API, a type of traffic on Vertex AI. */
function tierOf({ serviceTier, trafficType }: JsonObject): string {
  const traffic = typeof trafficType === "number" ? (TRAFFIC_TYPES[trafficType] ?? `${trafficType}`) : trafficType;
  const word = asText(serviceTier) || asText(traffic);
  return /unspecified$/i.test(word) ? "" : word.toWellFormed();
}

function inputBuckets(reported: JsonObject): Buckets {
  const prompt = countOf(reported, "promptTokenCount");
  const fromTools = asCount(reported.toolUsePromptTokenCount) ?? 0;
  if (prompt === undefined) return {};
  const inputTotal = prompt + fromTools;
  const inputCacheRead = asCount(reported.cachedContentTokenCount);
  const read = asArray(reported.cacheTokensDetails);
  const given = [...asArray(reported.promptTokensDetails), ...asArray(reported.toolUsePromptTokensDetails)];
  // Sound and pictures that were read from the cache are counted there.
  const inputAudio = rest(tokensOf(given, "AUDIO"), tokensOf(read, "AUDIO"));
  const inputImage = rest(tokensOf(given, "IMAGE"), tokensOf(read, "IMAGE"));
  const inputUncached = rest(inputTotal, inputCacheRead, inputAudio, inputImage);
  return inputUncached === undefined
    ? { inputTotal, inputCacheRead }
    : { inputTotal, inputCacheRead, inputUncached, inputAudio, inputImage };
}

function outputBuckets(reported: JsonObject): Buckets {
  const candidates = countOf(reported, "candidatesTokenCount");
  const outputReasoning = asCount(reported.thoughtsTokenCount);
  if (candidates === undefined) return { outputReasoning };
  const outputTotal = candidates + (outputReasoning ?? 0);
  const made = asArray(reported.candidatesTokensDetails);
  const outputAudio = tokensOf(made, "AUDIO");
  const outputImage = tokensOf(made, "IMAGE");
  const outputText = rest(candidates, outputAudio, outputImage);
  return outputText === undefined
    ? { outputTotal, outputReasoning }
    : { outputTotal, outputText, outputReasoning, outputAudio, outputImage };
}

/** A count; 0 where the total is there without it. */
function countOf(reported: JsonObject, name: string): number | undefined {
  const count = asCount(reported[name]);
  if (count !== undefined || asCount(reported.totalTokenCount) === undefined) return count;
  return 0;
}

/** Modalities are words, or numbers where enums are asked for as such. */
const MODALITY_NUMBERS = { AUDIO: 4, IMAGE: 2 } as const;

/** Tokens of one modality; undefined if the details name it nowhere. */
function tokensOf(details: readonly unknown[], modality: "AUDIO" | "IMAGE"): number | undefined {
  const counts = details.flatMap((entry) => {
    const detail = asObject(entry);
    const isIt = detail?.modality === modality || detail?.modality === MODALITY_NUMBERS[modality];
    return isIt ? [asCount(detail.tokenCount) ?? 0] : [];
  });
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0);
}

function searches(quantity: number): BilledExtra {
  return { $typeName: "execution.v1.BilledExtra", name: "web_search_queries", quantity };
}
