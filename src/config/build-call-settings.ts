import { create, fromJson } from "@bufbuild/protobuf";
import { ReasoningSchema, type Sampling, SamplingSchema } from "../gen/execution/v1/chat_pb.js";
import type { BuildContext } from "./build-provider.ts";
import { buildRouting } from "./build-routing.ts";
import type { CallSettingsEntry } from "./call-settings-schema.ts";
import type { CallSettings, PersonaSettings, Scope, TenantSettings } from "./config.ts";
import type { PersonaEntry, TenantEntry } from "./file-schema.ts";
import { didYouMean } from "./nearest.ts";
import { kindVariables } from "./provider-variables.ts";
import { type Path, shownName } from "./tree.ts";

/** What there is to be named. */
export interface Known {
  readonly personas: readonly string[];
  readonly providers: readonly string[];
}

/** Turns the keys of a layer into settings; what is not there stays absent. */
export function buildCallSettings(entry: CallSettingsEntry): CallSettings {
  return {
    ...(entry.system !== undefined && { system: entry.system }),
    ...(entry.requires !== undefined && { requires: entry.requires }),
    ...(entry.sampling !== undefined && { sampling: buildSampling(entry.sampling) }),
    ...(entry.reasoning !== undefined && { reasoning: buildReasoning(entry.reasoning) }),
    ...(entry.verbosity !== undefined && { verbosity: entry.verbosity }),
    ...(entry.service_tier !== undefined && { serviceTier: entry.service_tier }),
    ...(entry.parallel_tool_calls !== undefined && { parallelToolCalls: entry.parallel_tool_calls }),
    ...(entry.store !== undefined && { store: entry.store }),
    ...(entry.max_tool_tier !== undefined && { maxToolTier: entry.max_tool_tier }),
    ...(entry.fallback_policy !== undefined && { fallbackPolicy: entry.fallback_policy }),
    ...(entry.timeout !== undefined && { timeoutMs: entry.timeout }),
  };
}

/** The file's keys are the contract's, so its own JSON form reads them. */
function buildSampling({ seed, logit_bias, ...rest }: NonNullable<CallSettingsEntry["sampling"]>): Sampling {
  return fromJson(SamplingSchema, {
    ...rest,
    stop: [...(rest.stop ?? [])],
    ...(seed === undefined ? {} : { seed: seed.toString() }),
    ...(logit_bias === undefined ? {} : { logit_bias: Object.fromEntries(logit_bias) }),
  });
}

function buildReasoning(entry: NonNullable<CallSettingsEntry["reasoning"]>): NonNullable<CallSettings["reasoning"]> {
  const { token_budget: tokenBudget, discard_previous: discardPrevious, ...rest } = entry;
  return create(ReasoningSchema, {
    ...rest,
    ...(tokenBudget !== undefined && { tokenBudget }),
    ...(discardPrevious !== undefined && { discardPrevious }),
  });
}

/** Turns an entry of `personas` into its settings. Candidates of unknown instances are problems. */
export function buildPersona(
  name: string,
  entry: PersonaEntry,
  { providers }: Known,
  { kinds, problem }: BuildContext,
): PersonaSettings {
  const candidates = entry.candidates ?? [];
  for (const [index, { provider }] of candidates.entries()) {
    if (providers.includes(provider)) continue;
    const isKind = kinds.some(({ kind }) => kind === provider);
    const hint = isKind
      ? ` Set ${kindVariables(provider).apiKey}, or add it to the file.`
      : didYouMean(provider, providers);
    const known = `the instances are ${providers.join(", ")}.${hint}`;
    problem(
      ["personas", name, "candidates", index, "provider"],
      `there is no provider instance "${shownName(provider)}"; ${known}`,
    );
  }
  return { name, candidates, routing: buildRouting(entry), ...buildCallSettings(entry) };
}

/** Turns an entry of `tenants` into its settings. Personas and instances that do not exist are problems. */
export function buildTenant(name: string, entry: TenantEntry, known: Known, context: BuildContext): TenantSettings {
  const path = ["tenants", name];
  const { default_persona: defaultPersona } = entry;
  if (defaultPersona !== undefined) {
    checkNames([defaultPersona], known.personas, "personas", () => [...path, "default_persona"], context);
    if (entry.personas?.includes(defaultPersona) === false) {
      context.problem([...path, "default_persona"], "is not one of the tenant's own personas; add it there");
    }
  }
  return {
    name,
    ...(defaultPersona !== undefined && { defaultPersona }),
    ...buildScope(path, entry, known, context),
    ...buildCallSettings(entry),
  };
}

/** What an entry may use. Personas and instances that do not exist are problems. */
export function buildScope(
  path: Path,
  entry: Pick<TenantEntry, keyof Scope>,
  known: Known,
  context: BuildContext,
): Scope {
  for (const list of ["personas", "providers"] as const) {
    checkNames(entry[list] ?? [], known[list], list, (index) => [...path, list, index], context);
  }
  return {
    ...(entry.personas !== undefined && { personas: entry.personas }),
    ...(entry.providers !== undefined && { providers: entry.providers }),
    ...(entry.models !== undefined && { models: entry.models }),
  };
}

function checkNames(
  wanted: readonly string[],
  known: readonly string[],
  section: keyof Known,
  pathOf: (index: number) => Path,
  { problem }: BuildContext,
): void {
  for (const [index, name] of wanted.entries()) {
    if (known.includes(name)) continue;
    problem(pathOf(index), `there is no "${shownName(name)}" in ${section}.${didYouMean(name, known)}`);
  }
}
