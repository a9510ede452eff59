import { toJsonString } from "@bufbuild/protobuf";
import {
  type CapabilitiesResponse,
  CapabilitiesResponseSchema,
  Capability,
  type ModelCapabilities,
  type PersonaCandidate,
  Support,
} from "../gen/execution/v1/capabilities_pb.js";
import { type CommandContext, printable, write } from "./context.ts";
import type { CapabilitiesOptions } from "./options.ts";
import { withClient } from "./target.ts";

/** Prints what providers, models and personas can do: as text for people, or with `--json` the whole response as ProtoJSON. */
export async function capabilities(options: CapabilitiesOptions, context: CommandContext): Promise<number> {
  return withClient(options, context, async (client, settings) => {
    const { persona = "", provider = "", model = "" } = options;
    const response = await client.capabilities({ persona, provider, model }, settings);
    const text =
      options.json === true
        ? toJsonString(CapabilitiesResponseSchema, response, { prettySpaces: 2 })
        : describe(response).join("\n");
    await write(context.stdout, `${printable(context.stdout, text)}\n`);
    return 0;
  });
}

function describe({ providers, personas }: CapabilitiesResponse): readonly string[] {
  const lines = ["Providers"];
  for (const { provider, kind, spends, models } of providers) {
    lines.push(`  ${provider} (${kind}, ${spends ? "can spend" : "cannot spend"})`);
    for (const model of models) lines.push(`    ${modelLine(model)}`);
    if (models.length === 0) lines.push("    no model is named; any model of this provider can be asked for");
  }
  lines.push("Personas");
  for (const { persona, candidates, requires } of personas) {
    const needs = requires.length === 0 ? "" : ` (requires ${requires.map(capabilityWord).join(", ")})`;
    lines.push(`  ${persona}${needs}`);
    for (const candidate of candidates) lines.push(`    ${candidateLine(candidate)}`);
    if (!candidates.some(canServe)) lines.push("    nobody can serve it");
  }
  return lines;
}

function candidateLine({ provider, model, missing }: PersonaCandidate): string {
  if (model === undefined) return `${provider}, cannot serve: no model is named, and it has no default`;
  const lacks = missing.length === 0 ? "" : `, cannot serve: lacks ${missing.map(capabilityWord).join(", ")}`;
  return `${provider}/${model.model}${lacks}`;
}

function canServe({ model, missing }: PersonaCandidate): boolean {
  return model !== undefined && missing.length === 0;
}

function modelLine({ model, aliases, contextWindow, capabilities: known }: ModelCapabilities): string {
  const can = known.filter(({ support }) => support === Support.NATIVE || support === Support.EMULATED);
  const facts = [
    ...(contextWindow === undefined ? [] : [`${contextWindow} tokens of context`]),
    can.length === 0 ? "capabilities not known" : can.map(({ capability }) => capabilityWord(capability)).join(", "),
  ];
  const alias = aliases.length === 0 ? "" : ` (${aliases.join(", ")})`;
  return `${model}${alias}: ${facts.join("; ")}`;
}

/** `image input` for IMAGE_INPUT. */
function capabilityWord(capability: Capability): string {
  return (Capability[capability] ?? String(capability)).toLowerCase().replaceAll("_", " ");
}
