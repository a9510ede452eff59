import { types } from "node:util";
import { CostDimension } from "../gen/execution/v1/costs_pb.js";
import { type CommandContext, CommandError, write } from "./context.ts";
import { readGrouping, readPairs } from "./cost-dimensions.ts";
import type { ExportOptions } from "./options.ts";

/** Prints all costs there are as CSV or JSON lines, as they come. Throws a CommandError if they do not come, or break off. */
export async function exportCosts(
  options: ExportOptions,
  { environment, stop, stdout }: CommandContext,
): Promise<number> {
  const base = options.httpUrl ?? environment.EXECUTION_PLATFORM_HTTP_URL ?? "http://127.0.0.1:8000";
  if (!/^https?:$/.test(URL.parse(base)?.protocol ?? ""))
    throw new CommandError(`${base} is not a URL such as http://127.0.0.1:8000`);
  const key = environment.EXECUTION_PLATFORM_API_KEY;
  try {
    const answer = await fetch(`${base.replace(/\/+$/, "")}/v1/costs/export?${queryOf(options)}`, {
      headers: {
        "connect-timeout-ms": String(EXPORT_MS),
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
      },
      signal: stop,
      redirect: "manual",
    });
    if (answer.status !== 200 || answer.body === null)
      throw new CommandError(failureText(await answer.text(), answer.status));
    const decoder = new TextDecoder();
    for await (const chunk of answer.body) await write(stdout, decoder.decode(chunk, { stream: true }));
    return 0;
  } catch (thrown) {
    if (stop.aborted) return 130;
    // The words of fetch for a network that fails, before the answer or in its middle.
    if (!types.isNativeError(thrown) || thrown.name !== "TypeError") throw thrown;
    const cause = types.isNativeError(thrown.cause) ? thrown.cause.message : thrown.message;
    throw new CommandError(`the costs did not come, or not whole, from ${base}: ${cause}`, { cause: thrown });
  }
}

/** An export takes as long as it takes; the gateway cuts it to its own longest deadline. */
const EXPORT_MS = 86_400_000;

function queryOf(options: ExportOptions): URLSearchParams {
  const { since, until, persona, provider, model, key, tenant, endUser } = options;
  const { groupBy, metadataKey } = readGrouping(options.groupBy);
  const pairs = Object.entries(readPairs(options.metadata)).map(([name, value]) => [`metadata.${name}`, value]);
  const time = (ms: number | undefined): string | undefined =>
    ms === undefined ? undefined : new Date(ms).toISOString();
  const named = {
    start_time: time(since),
    end_time: time(until),
    group_by: groupBy.map((dimension) => CostDimension[dimension] ?? "").join(",") || undefined,
    metadata_key: metadataKey === "" ? undefined : metadataKey,
    persona,
    provider,
    model,
    key,
    tenant,
    end_user_id: endUser,
    format: options.format,
    rows: options.attempts === true ? "attempts" : "groups",
  };
  return new URLSearchParams([
    ...Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ...pairs,
  ]);
}

function failureText(body: string, status: number): string {
  try {
    const { reason, detail } = JSON.parse(body);
    if (typeof reason === "string") return `${reason}: ${detail}`;
  } catch {
    // Whatever answered there is no gateway.
  }
  return `HTTP status ${status} and no problem document; is that the HTTP listener of a gateway?`;
}
