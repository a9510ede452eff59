import type { Adapter } from "../adapters/adapter.ts";
import type { CandidateSettings } from "../config/config.ts";
import { ExecutionError } from "../errors.ts";
import { type ModelCapabilities, Support } from "../gen/execution/v1/capabilities_pb.js";
import { type ChatRequest, FallbackPolicy, type Warning } from "../gen/execution/v1/chat_pb.js";
import type { Candidate } from "../gen/execution/v1/usage_pb.js";
import type { Principal, ResolvedCandidate } from "./call.ts";
import { ceilingRuling, type PricingDeps } from "./ceiling.ts";
import type { Health } from "./health/health.ts";
import { capabilityName, type Requirement, supportOf } from "./requirements.ts";
import {
  builderRuling,
  fallbackDenied,
  missingRuling,
  nameOf,
  type Ruling,
  ruling,
  unhealthyRuling,
} from "./rulings.ts";
import { mayUseModel, mayUseProvider } from "./scope.ts";

/** A candidate that can serve the request as far as is known. */
export interface KeptCandidate {
  readonly kept: true;
  readonly place: Candidate;
  readonly candidate: ResolvedCandidate;
  /** What its adapter would leave out of the request. Empty until the adapter was asked. */
  readonly leftOut: readonly Warning[];
  /** How often it is tried first, beside the others. */
  readonly weight: number;
  /** Why it is where it is in the order, where that is not the configuration's. */
  readonly placed?: string;
}

/** A candidate that is not tried. */
export interface RuledOutCandidate {
  readonly kept: false;
  /** Where it would be served, as far as the key may know: fields it may not know are empty. */
  readonly place: Candidate;
  /** At least one. */
  readonly rulings: readonly Ruling[];
}

/** A candidate, and what was decided about it. */
export type ConsideredCandidate = KeptCandidate | RuledOutCandidate;

/** What candidates are held to. */
export interface CandidateTerms {
  readonly adapters: Readonly<Record<string, Adapter>>;
  /** The request as it would be sent, the persona's defaults in it. */
  readonly request: ChatRequest;
  readonly requirements: readonly Requirement[];
  readonly principal: Principal;
  readonly health: Health;
  readonly pricing: PricingDeps;
  /** True if the request itself names the candidate, so that its words for it are no secret from the caller. */
  readonly named: boolean;
}

/**
 * Considers every candidate, in order: whether the configuration has it, whether the key may use it, whether it is known to lack something, and
 * whether it may be tried now. Each is kept or ruled out with all that is wrong; who could serve is held to the most the call may cost. An instance
 * and a model that a key may not use are not named.
 */
export function considerCandidates(
  candidates: readonly CandidateSettings[],
  terms: CandidateTerms,
): readonly ConsideredCandidate[] {
  return candidates.map((candidate) => consider(candidate, terms));
}

/**
 * Asks the adapters of the kept candidates, in order, whether they can build the request, until `wanted` have said that they can: those that
 * cannot are ruled out. Then the request's fallback policy rules out all but the first. Nothing is sent.
 */
export function settleCandidates(
  considered: readonly ConsideredCandidate[],
  request: ChatRequest,
  wanted: number,
): readonly ConsideredCandidate[] {
  const firstOnly = request.fallbackPolicy === FallbackPolicy.DENY;
  let found = 0;
  return considered.map((entry) => {
    // Who is only out of order for a while is still the first that can serve.
    if (!entry.kept) {
      if (entry.rulings.every(({ reason }) => reason === "NO_HEALTHY_TARGET")) found += firstOnly ? 1 : 0;
      return entry;
    }
    if (firstOnly && found > 0) return ruledOut(entry.place, [fallbackDenied]);
    if (found >= wanted) return entry;
    const settled = askAdapter(entry, request);
    if (settled.kept) found += 1;
    return settled;
  });
}

function consider(candidate: CandidateSettings, terms: CandidateTerms): ConsideredCandidate {
  const { adapters, principal, request, named } = terms;
  const { provider } = candidate;
  const inCallersWords = named ? request.model : "";
  if (!mayUseProvider(principal, provider)) {
    return ruledOut(placeOf("", "", inCallersWords), [ruling("SCOPE_DENIED", deniedText(terms))]);
  }
  const adapter = Object.hasOwn(adapters, provider) ? adapters[provider] : undefined;
  if (adapter === undefined) {
    const text = `there is no provider instance "${provider}"`;
    return ruledOut(placeOf(provider, "", candidate.model ?? ""), [ruling("PROVIDER_NOT_FOUND", text)]);
  }
  const { kind } = adapter.settings;
  const word = candidate.model ?? adapter.defaultModel;
  if (word === undefined) {
    const text = `provider instance "${provider}" has no default model; name one in \`model\` or in the persona`;
    return ruledOut(placeOf(provider, kind, ""), [ruling("MODEL_NOT_FOUND", text)]);
  }
  const model = adapter.model(word);
  if (!mayUseModel(principal, model, word)) {
    return ruledOut(placeOf(provider, kind, inCallersWords), [ruling("SCOPE_DENIED", deniedText(terms))]);
  }
  const place = placeOf(provider, kind, model.model);
  const able = holdToRequirements(place, adapter, model, { ...terms, weight: candidate.weight ?? 1 });
  return holdToHealth(holdToCeiling(able, terms), terms);
}

function holdToCeiling(entry: ConsideredCandidate, { request, pricing }: CandidateTerms): ConsideredCandidate {
  if (!entry.kept) return entry;
  const tooDear = ceilingRuling(entry.place, entry.candidate, request, pricing);
  return tooDear === undefined ? entry : ruledOut(entry.place, [tooDear]);
}

function holdToHealth(entry: ConsideredCandidate, { health }: CandidateTerms): ConsideredCandidate {
  if (!entry.kept) return entry;
  const { waitMs, state } = health.stateOf(entry.place.provider, entry.place.model);
  return waitMs > 0 ? ruledOut(entry.place, [unhealthyRuling(entry.place, state, waitMs)]) : entry;
}

function holdToRequirements(
  place: Candidate,
  adapter: Adapter,
  model: ModelCapabilities,
  { requirements, request, weight }: CandidateTerms & { readonly weight: number },
): ConsideredCandidate {
  const missing = requirements.filter(({ capability, named }) => {
    const support = supportOf(model, capability);
    return support === Support.NONE || (named && support === Support.UNSPECIFIED);
  });
  if (missing.length > 0) {
    return ruledOut(
      place,
      missing.map((requirement) => missingRuling(place, requirement)),
    );
  }
  const warnings = requirements
    .filter(({ capability }) => supportOf(model, capability) === Support.UNSPECIFIED)
    .map((requirement) => unknownWarning(place, requirement));
  const toolTier = request.tools.length > 0 ? 1 : 0;
  return { kept: true, place, candidate: { adapter, model, toolTier, warnings }, leftOut: [], weight };
}

function askAdapter(entry: KeptCandidate, request: ChatRequest): ConsideredCandidate {
  const { place, candidate } = entry;
  try {
    const preview = candidate.adapter.preview({ request, model: candidate.model.model });
    return { ...entry, candidate: { ...candidate, preview }, leftOut: preview.warnings };
  } catch (thrown) {
    if (!(thrown instanceof ExecutionError)) throw thrown;
    return ruledOut(place, [builderRuling(place, thrown)]);
  }
}

function unknownWarning(place: Candidate, { capability, field }: Requirement): Warning {
  const what = capabilityName(capability);
  return {
    $typeName: "execution.v1.Warning",
    code: "CAPABILITY_UNKNOWN",
    field,
    text: `it is not known whether ${nameOf(place)} has ${what}; declare it in the configuration of the model`,
  };
}

/** Nothing but what the caller named: the instance behind a model and the model behind an alias may not be this key's to know. */
function deniedText({ named, request: { provider, model } }: CandidateTerms): string {
  if (!named) return "this key may not use this candidate of the persona";
  return `this key may not use ${model === "" ? `the default model of "${provider}"` : `the model "${model}"`}`;
}

function ruledOut(place: Candidate, rulings: readonly Ruling[]): RuledOutCandidate {
  return { kept: false, place, rulings };
}

function placeOf(provider: string, kind: string, model: string): Candidate {
  return { $typeName: "execution.v1.Candidate", provider, kind, model };
}
