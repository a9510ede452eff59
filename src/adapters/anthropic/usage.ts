import { sumOfCounts, unknownUsage } from "../../contract/usage.ts";
import { type BilledExtra, type Usage, UsageSource } from "../../gen/execution/v1/usage_pb.js";
import { asArray, asCount, asObject, asText, type JsonObject } from "../json.ts";
import { type Buckets, isGarbled, known, rest } from "../usage-buckets.ts";

/**
 * Reads a usage object of the Messages API (platform.claude.com/docs/en/api/messages) into disjoint buckets. `input_tokens` holds neither what
 * was read from the cache nor what was written to it; `output_tokens` holds the thinking, which newer answers tell apart. The sampling passes
 * of a server-side tool loop are in these figures already, those of a compaction are not and are added, since the same model is billed for
 * them. An advisor is another model at another price: its tokens are extras, named by it. A total is absent if what should be a count in it is none, or
 * if its type does not hold it.
 */
export function readUsage(reported: JsonObject): Usage {
  const iterations = asArray(reported.iterations).map((iteration) => asObject(iteration) ?? {});
  const compactions = iterations.filter(({ type }) => type === "compaction").map(bucketsOfPass);
  return {
    ...unknownUsage(),
    ...known(bucketsOfPasses([bucketsOfPass(reported), ...compactions])),
    extras: [...requestExtras(reported), ...iterations.flatMap(advisorExtras)],
    source: UsageSource.PROVIDER,
    serviceTier: tierOf(reported),
  };
}

/** Words for what costs no more. Whether a region can be chosen at all depends on the model. */
const STANDARD: ReadonlySet<unknown> = new Set(["standard", "global", "not_available"]);

/**
 * What is billed: the tier, and what costs more within it (`standard+fast`, `standard+us`): the speed of the fast mode, and a region that was
 * chosen (platform.claude.com/docs/en/about-claude/pricing).
 */
function tierOf({ service_tier: tier, speed, inference_geo: region }: JsonObject): string {
  const dearer = [speed, region].filter((word) => !STANDARD.has(word));
  return [tier, ...dearer]
    .map(asText)
    .filter((word) => word !== "")
    .join("+")
    .toWellFormed();
}

function bucketsOfPass(pass: JsonObject): Buckets {
  const inputUncached = asCount(pass.input_tokens);
  const inputCacheRead = asCount(pass.cache_read_input_tokens);
  const { inputCacheWrite5m, inputCacheWrite1h } = cacheWrites(pass);
  const outputTotal = asCount(pass.output_tokens);
  const outputReasoning = asCount(asObject(pass.output_tokens_details)?.thinking_tokens);
  const outputText = outputReasoning === undefined ? undefined : rest(outputTotal, outputReasoning);
  const split = asObject(pass.cache_creation);
  const isContradicted = isGarbled(
    pass.cache_read_input_tokens,
    pass.cache_creation_input_tokens,
    split?.ephemeral_5m_input_tokens,
    split?.ephemeral_1h_input_tokens,
  );
  const input = [inputUncached, inputCacheRead, inputCacheWrite5m, inputCacheWrite1h];
  return {
    inputTotal: inputUncached === undefined || isContradicted ? undefined : sumOfCounts(input),
    inputUncached,
    inputCacheRead,
    inputCacheWrite5m,
    inputCacheWrite1h,
    outputTotal,
    outputText,
    // More thinking than output is a contradiction: then the total alone is told.
    outputReasoning: outputText === undefined ? undefined : outputReasoning,
  };
}

/**
 * `cache_creation` splits what was written by its lifetime. A `message_delta` raises the total and leaves out the split, which is then that of
 * the beginning: what it does not account for has an unknown lifetime, or the only one there was.
 */
function cacheWrites(pass: JsonObject): Pick<Buckets, "inputCacheWrite5m" | "inputCacheWrite1h"> {
  const split = asObject(pass.cache_creation);
  const fiveMinutes = asCount(split?.ephemeral_5m_input_tokens);
  const hour = asCount(split?.ephemeral_1h_input_tokens);
  const total = asCount(pass.cache_creation_input_tokens);
  if (total === undefined || total === (fiveMinutes ?? 0) + (hour ?? 0)) {
    return { inputCacheWrite5m: fiveMinutes ?? total, inputCacheWrite1h: hour };
  }
  if ((hour ?? 0) > 0 && (fiveMinutes ?? 0) === 0) return { inputCacheWrite5m: fiveMinutes, inputCacheWrite1h: total };
  return { inputCacheWrite5m: rest(total, hour) ?? total, inputCacheWrite1h: (hour ?? 0) > total ? undefined : hour };
}

/** All passes together. A total is known if it is in each; a compaction writes a summary: what it does not say to be thinking is text. */
function bucketsOfPasses(passes: readonly Buckets[]): Buckets {
  const some = (bucket: keyof Buckets): number | undefined => sumOfCounts(passes.map((pass) => pass[bucket]));
  const all = (bucket: keyof Buckets): number | undefined =>
    passes.every((pass) => pass[bucket] !== undefined) ? some(bucket) : undefined;
  const isSplit = passes[0]?.outputText !== undefined;
  return {
    inputTotal: all("inputTotal"),
    inputUncached: some("inputUncached"),
    inputCacheRead: some("inputCacheRead"),
    inputCacheWrite5m: some("inputCacheWrite5m"),
    inputCacheWrite1h: some("inputCacheWrite1h"),
    outputTotal: all("outputTotal"),
    outputText: isSplit ? sumOfCounts(passes.map((pass) => pass.outputText ?? pass.outputTotal)) : undefined,
    outputReasoning: isSplit ? some("outputReasoning") : undefined,
  };
}

/** `server_tool_use` counts requests by what they are for. */
function requestExtras(reported: JsonObject): BilledExtra[] {
  return Object.entries(asObject(reported.server_tool_use) ?? {}).flatMap(([name, value]) => {
    const quantity = asCount(value) ?? 0;
    return quantity === 0 ? [] : [extra(name, quantity)];
  });
}

function advisorExtras(iteration: JsonObject): BilledExtra[] {
  if (iteration.type !== "advisor_message") return [];
  const fields = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"];
  return fields.flatMap((field) => {
    const quantity = asCount(iteration[field]) ?? 0;
    return quantity === 0 ? [] : [extra(`advisor_message/${asText(iteration.model)}/${field}`, quantity)];
  });
}

function extra(name: string, quantity: number): BilledExtra {
  return { $typeName: "execution.v1.BilledExtra", name: name.toWellFormed(), quantity };
}
