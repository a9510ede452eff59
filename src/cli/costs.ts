import { toJsonString } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { formatUsd } from "../contract/money.ts";
import { CostDimension, type CostRow, type CostsResponse, CostsResponseSchema } from "../gen/execution/v1/costs_pb.js";
import { type CommandContext, printable, write } from "./context.ts";
import { type CostGrouping, readGrouping, readPairs } from "./cost-dimensions.ts";
import type { CostsOptions } from "./options.ts";
import { tableLines } from "./table.ts";
import { withClient } from "./target.ts";

/** Prints what was used and what it cost: as a table for people, or with `--json` the whole response as ProtoJSON. */
export async function costs(options: CostsOptions, context: CommandContext): Promise<number> {
  const grouping = readGrouping(options.groupBy);
  const metadata = readPairs(options.metadata);
  const { persona = "", provider = "", model = "", key = "", tenant = "", endUser = "" } = options;
  return withClient(options, context, async (client, settings) => {
    const response = await client.costs(
      {
        ...(options.since === undefined ? {} : { startTime: timestampFromMs(options.since) }),
        ...(options.until === undefined ? {} : { endTime: timestampFromMs(options.until) }),
        groupBy: [...grouping.groupBy],
        metadataKey: grouping.metadataKey,
        metadata,
        ...{ persona, provider, model, key, tenant, endUserId: endUser },
        ...(options.limit === undefined ? {} : { pageSize: options.limit }),
      },
      settings,
    );
    const text =
      options.json === true
        ? toJsonString(CostsResponseSchema, response, { prettySpaces: 2, alwaysEmitImplicit: true })
        : [...table(response, grouping), ...notes(response)].join("\n");
    await write(context.stdout, `${printable(context.stdout, text)}\n`);
    return 0;
  });
}

/** Columns of figures after those of the groups: heading and value. */
const FIGURES: readonly (readonly [heading: string, value: (row: CostRow) => string])[] = [
  ["calls", ({ calls }) => calls.toString()],
  ["attempts", ({ attempts }) => attempts.toString()],
  ["input", ({ inputTokens }) => inputTokens.toString()],
  ["cached", ({ cacheReadTokens }) => cacheReadTokens.toString()],
  ["output", ({ outputTokens }) => outputTokens.toString()],
  ["USD", ({ costNanoUsd }) => aligned(formatUsd(costNanoUsd))],
  ["unpriced", ({ unpricedAttempts }) => unpricedAttempts.toString()],
];

/** Every amount to the nano-dollar, so that the points stand below each other. */
function aligned(usd: string): string {
  const [whole = "", fraction = ""] = usd.split(".");
  return `${whole}.${fraction.padEnd(9, "0")}`;
}

function table({ rows, total }: CostsResponse, { groupBy, metadataKey }: CostGrouping): readonly string[] {
  const headings = groupBy.map((dimension) =>
    dimension === CostDimension.METADATA
      ? metadataKey
      : (CostDimension[dimension] ?? "").toLowerCase().replaceAll("_", " "),
  );
  const figures = (row: CostRow): readonly string[] => FIGURES.map(([, value]) => value(row));
  const totalLabels = groupBy.map((_, index) => (index === 0 ? "total" : ""));
  const lines = [
    [...headings, ...FIGURES.map(([heading]) => heading)],
    ...(groupBy.length === 0 ? [] : rows.map((row) => [...row.group.map(shown), ...figures(row)])),
    ...(total === undefined ? [] : [[...totalLabels, ...figures(total)]]),
  ];
  return tableLines(lines, groupBy.length);
}

/** A value as a cell: one line, and a dash where it is empty. */
function shown(value: string): string {
  return value === "" ? "-" : value.replaceAll(/\s+/g, " ");
}

function notes({ total, nextPageToken }: CostsResponse): readonly string[] {
  const unpriced = total?.unpricedAttempts ?? 0n;
  return [
    ...(unpriced === 1n ? ["", "1 attempt has no known cost and is not in the sum."] : []),
    ...(unpriced > 1n ? ["", `${unpriced} attempts have no known cost and are not in the sum.`] : []),
    ...(nextPageToken === ""
      ? []
      : ["", "There are more rows; --limit shows up to 10000, and a narrower question has fewer."]),
  ];
}
