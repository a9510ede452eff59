import type { ExportCostsRequest, ExportCostsResponse } from "../../gen/execution/v1/admin_pb.js";
import { CostsRequestSchema } from "../../gen/execution/v1/costs_pb.js";
import type { ServerCall } from "../dispatcher.ts";
import { refuse } from "../edge/fields.ts";
import { type Exchange, endAnswer } from "./exchange.ts";
import { CSV, type ExportFormat, JSON_LINES } from "./export-format.ts";
import { ATTEMPT_COLUMNS, groupColumns, recordsOf } from "./export-records.ts";
import type { TransportLimits } from "./limits.ts";
import { readQueryFields } from "./query.ts";
import { createWriter } from "./writer.ts";

/** The formats there are, by their name in the query. */
const FORMATS: ReadonlyMap<string, ExportFormat> = new Map([
  ["csv", CSV],
  ["jsonl", JSON_LINES],
]);

/**
 * Serves `GET /costs/export`: the fields of Costs, `format=csv` (default) or `jsonl`, and `rows=groups` (default) or `attempts`. A page is held at a time,
 * and the next one is read when the client has taken it. A failure before the first page is thrown, for a problem document; after a later one the answer
 * breaks off, so that nobody takes a part for the whole.
 */
export async function serveExport(exchange: Exchange, call: ServerCall, limits: TransportLimits): Promise<void> {
  const { response } = exchange;
  const { format, request } = await readQuery(exchange, call);
  const groupBy = request.costs?.groupBy ?? [];
  const columns = request.attempts ? ATTEMPT_COLUMNS : groupColumns(groupBy);
  const write = createWriter(exchange, call.signal, limits.stallMs);
  for await (const batch of await call.run(request)) {
    let text = "";
    if (!response.headersSent) {
      response.writeHead(200, {
        "content-type": format.contentType,
        "content-disposition": `attachment; filename="costs.${format.extension}"`,
      });
      text = format.head(columns);
    }
    for (const part of batch as readonly ExportCostsResponse[]) {
      for (const record of recordsOf(part, groupBy)) text += format.line(record);
    }
    if (exchange.method === "HEAD") break;
    if (text !== "") await write(text);
  }
  endAnswer(exchange, limits);
}

interface ExportQuery {
  readonly format: ExportFormat;
  readonly request: ExportCostsRequest;
}

async function readQuery({ query }: Exchange, call: ServerCall): Promise<ExportQuery> {
  const params = new URLSearchParams(query);
  const take = (name: string, fallback: string): string => {
    const [value = fallback, ...more] = params.getAll(name);
    if (more.length > 0) refuse(name, "must be there once");
    params.delete(name);
    return value;
  };
  const format = FORMATS.get(take("format", "csv")) ?? refuse("format", "must be `csv` or `jsonl`");
  const rows = take("rows", "groups");
  if (rows !== "groups" && rows !== "attempts") refuse("rows", "must be `groups` or `attempts`");
  for (const name of ["page_size", "page_token", "pageSize", "pageToken"]) {
    if (params.has(name)) refuse(name, "must not be there: an export has all rows");
  }
  const wanted = { costs: readQueryFields(params, CostsRequestSchema), attempts: rows === "attempts" };
  // The method's own input is what is decoded.
  return { format, request: (await call.decodeJson(wanted)) as ExportCostsRequest };
}
