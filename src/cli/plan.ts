import { toJsonString } from "@bufbuild/protobuf";
import { formatUsd } from "../contract/money.ts";
import { type PlannedCandidate, type PlanResponse, PlanResponseSchema } from "../gen/execution/v1/plan_pb.js";
import { type CommandContext, CommandError, printable, write } from "./context.ts";
import type { RequestOptions } from "./options.ts";
import { requestOf } from "./request.ts";
import { withClient } from "./target.ts";

/**
 * Prints what would happen to a message, without sending it to a provider: who would serve it and who not and why, what it may cost, and the
 * values it would run with. With `--json` the whole response as ProtoJSON. Fails, once that is printed, if nobody could serve it.
 */
export async function plan(message: string, options: RequestOptions, context: CommandContext): Promise<number> {
  const request = await requestOf(message, options, context);
  return withClient(options, context, async (client, settings) => {
    const response = await client.plan({ request }, settings);
    const printed =
      options.json === true
        ? toJsonString(PlanResponseSchema, response, { prettySpaces: 2 })
        : describe(response).join("\n");
    await write(context.stdout, `${printable(context.stdout, printed)}\n`);
    if (response.candidates.some(({ kept }) => kept)) return 0;
    throw new CommandError("no candidate can serve this request");
  });
}

function describe({ persona, candidates, values, priceVersion }: PlanResponse): readonly string[] {
  const first = candidates.findIndex(({ kept }) => kept);
  return [
    `Persona ${persona}`,
    ...candidates.flatMap((candidate, index) => candidateLines(candidate, index, first)),
    "Values",
    ...values.map(({ path, valueJson, origin }) => `  ${path} = ${valueJson} (${origin})`),
    `Prices ${priceVersion}`,
  ];
}

function candidateLines(planned: PlannedCandidate, index: number, first: number): readonly string[] {
  const { kept, reasons, toolTier } = planned;
  const state = !kept ? "ruled out" : index === first ? "would serve" : "would be tried next";
  return [
    `  ${index + 1}. ${placeText(planned)}: ${state}`,
    ...(kept ? [`     ${costText(planned)}${toolTier > 0 ? `; tools ${tierWord(toolTier)}` : ""}`] : []),
    ...reasons.map(({ reason, text }) => `     ${reason}: ${text}`),
  ];
}

/** A place whose names the key may not know has none. */
function placeText({ candidate }: PlannedCandidate): string {
  const { provider = "", kind = "", model = "" } = candidate ?? {};
  if (provider === "" && model === "") return "(not for this key)";
  return `${[provider, model].filter((name) => name !== "").join("/")}${kind === "" ? "" : ` (${kind})`}`;
}

function costText({ expectedCostNanoUsd: expected, worstCostNanoUsd: worst }: PlannedCandidate): string {
  if (expected === undefined) return "cost not known";
  return `about ${formatUsd(expected)} USD, ${worst === undefined ? "no upper bound" : `at most ${formatUsd(worst)} USD`}`;
}

function tierWord(tier: number): string {
  return ["none", "native", "simulated by structured output", "by prompt"][tier] ?? String(tier);
}
