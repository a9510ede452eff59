import { sumOfCounts, unknownUsage } from "../../contract/usage.ts";
import { type BilledExtra, type Usage, UsageSource } from "../../gen/execution/v1/usage_pb.js";
import { asArray, asCount, asObject, asText, type JsonObject } from "../json.ts";
import { type Buckets, isGarbled, known, rest } from "../usage-buckets.ts";

/**
 * Reads `usageMetadata` into disjoint buckets. `promptTokenCount` holds the cached tokens; what tools of the provider gave the model as input
 * (`toolUsePromptTokenCount`) is not in it, nor are thoughts in `candidatesTokenCount`; `totalTokenCount` is the sum of the four (the reference
 * at ai.google.dev/api/generate-content#UsageMetadata). A count of 0 is left out on this wire, so once there is a total an absent count is 0.
 * Details by modality tell sound and pictures apart; video and documents are priced as text. `queries` is how many web searches were made,
 * which are billed by number. A total is absent if what should be a count in it is none, or if its type does not hold it.
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
  if (prompt === undefined) return {};
  const { toolUsePromptTokenCount: fromTools, cachedContentTokenCount: cached } = reported;
  const inputCacheRead = asCount(cached);
  const read = asArray(reported.cacheTokensDetails);
  const given = [...asArray(reported.promptTokensDetails), ...asArray(reported.toolUsePromptTokensDetails)];
  const isContradicted = isGarbled(fromTools, cached) || areGarbled(read) || areGarbled(given);
  const inputTotal = isContradicted ? undefined : sumOfCounts([prompt, asCount(fromTools)]);
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
  const made = asArray(reported.candidatesTokensDetails);
  const isContradicted = isGarbled(reported.thoughtsTokenCount) || areGarbled(made);
  const outputTotal = isContradicted ? undefined : sumOfCounts([candidates, outputReasoning]);
  const outputAudio = tokensOf(made, "AUDIO");
  const outputImage = tokensOf(made, "IMAGE");
  const outputText = rest(candidates, outputAudio, outputImage);
  return outputText === undefined || outputTotal === undefined
    ? { outputTotal, outputReasoning }
    : { outputTotal, outputText, outputReasoning, outputAudio, outputImage };
}

/** A count; 0 where the total is there without it. */
function countOf(reported: JsonObject, name: string): number | undefined {
  const value = reported[name];
  if (isGarbled(value)) return undefined;
  return asCount(value) ?? (asCount(reported.totalTokenCount) === undefined ? undefined : 0);
}

/** Modalities are words, or numbers where enums are asked for as such. */
const MODALITY_NUMBERS = { AUDIO: 4, IMAGE: 2 } as const;

/** Tokens of one modality; undefined if the details name it nowhere. */
function tokensOf(details: readonly unknown[], modality: "AUDIO" | "IMAGE"): number | undefined {
  return sumOfCounts(
    details.flatMap((entry) => {
      const detail = asObject(entry);
      const isIt = detail?.modality === modality || detail?.modality === MODALITY_NUMBERS[modality];
      return isIt ? [asCount(detail.tokenCount) ?? 0] : [];
    }),
  );
}

/** True if a count of the details is none, or if they are more together than a total can be. */
function areGarbled(details: readonly unknown[]): boolean {
  const counts = details.map((entry) => asObject(entry)?.tokenCount);
  return isGarbled(...counts) || sumOfCounts([0, ...counts.map(asCount)]) === undefined;
}

function searches(quantity: number): BilledExtra {
  return { $typeName: "execution.v1.BilledExtra", name: "web_search_queries", quantity };
}
