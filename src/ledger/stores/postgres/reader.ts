import { isTime, noSums } from "../../cost-groups.ts";
import type { CostAnswer, CostQuery } from "../../store.ts";
import { asksForMetadata, foldRows, labelsIn } from "../sqlite/fold-rows.ts";
import { DAY, GRAINS_MS } from "../sqlite/levels.ts";
import { within } from "../sqlite/reader.ts";
import { grainOf, keptWindow, segmentsOf } from "../sqlite/segments.ts";
import { sumsSql } from "./cost-sql.ts";
import type { Connection, Database } from "./database.ts";
import { readMeta } from "./schema.ts";

/** Answers a query from the roll-ups, all as of one moment. Rejects with what the database says. */
export function readCosts(database: Database, query: CostQuery): Promise<CostAnswer> {
  return database.transaction("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", async (connection) => {
    const meta = await readMeta(connection);
    const kept = {
      minutesFromMs: (meta.get("minutes_from") ?? 0) * GRAINS_MS[0],
      hoursFromMs: (meta.get("hours_from") ?? 0) * GRAINS_MS[1],
    };
    const window = keptWindow(within(query, await readSpan(connection)), kept);
    if (!(window.startMs < window.endMs)) return { groups: [], total: noSums(), hasMore: false };
    const { groupBy, filter } = query;
    const grain = grainOf(groupBy);
    const periodMs = groupBy.some(isTime) ? (GRAINS_MS[grain as 0 | 1 | 2] ?? GRAINS_MS[DAY]) : undefined;
    const wanted = { labels: labelsIn(groupBy), hasMetadata: asksForMetadata(query), periodMs, filter };
    const { text, values } = sumsSql(segmentsOf(window, grain, kept), wanted);
    return foldRows(await connection.query(text, values), query);
  });
}

/** From the first to the last day there is anything of, in milliseconds. */
async function readSpan(connection: Connection): Promise<Pick<CostQuery, "startMs" | "endMs">> {
  const days = "FROM execution_platform.sums WHERE grain = 2 AND level = 3";
  const [span] = await connection.query(`SELECT (SELECT min(period) ${days}), (SELECT max(period) ${days})`);
  if (span?.[0] == null) return { startMs: 0, endMs: 0 };
  return { startMs: Number(span[0]) * GRAINS_MS[DAY], endMs: (Number(span[1]) + 1) * GRAINS_MS[DAY] };
}
