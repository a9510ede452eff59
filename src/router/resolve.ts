import type { Adapter } from "../adapters/adapter.ts";
import type { CandidateSettings, Config, PersonaSettings, RoutingSettings } from "../config/config.ts";
import { ExecutionError } from "../errors.ts";
import type { ChatRequest } from "../gen/execution/v1/chat_pb.js";
import type { Principal, Resolved, ResolvedValue } from "./call.ts";
import { type CandidateTerms, type ConsideredCandidate, considerCandidates, settleCandidates } from "./candidates.ts";
import { chosenPersona, type MergedCall, mergeLayers } from "./layers.ts";
import { type OrderDeps, orderCandidates } from "./order.ts";
import { refusalOf } from "./refusal.ts";
import { requirementsOf } from "./requirements.ts";
import { IN_ORDER, routingValues } from "./routing.ts";
import { nameOf } from "./rulings.ts";
import { findPersona, mayUseProvider } from "./scope.ts";

/** What a request is resolved against: one consistent state of the configuration and its adapters. */
export interface RoutingState {
  readonly config: Config;
  /** By instance name. */
  readonly adapters: Readonly<Record<string, Adapter>>;
}

/** What considering a request needs. */
export interface ConsiderDeps extends OrderDeps {
  /** How many candidates are asked whether they can build the request. */
  readonly wanted: number;
}

/** A request with everything that was decided about it. */
export interface Consideration {
  readonly persona: string;
  /** The request with what defaults, tenant and persona say in it. */
  readonly merged: MergedCall;
  readonly routing: RoutingSettings;
  /** Every candidate, in order of preference. */
  readonly candidates: readonly ConsideredCandidate[];
  /** True if the request itself names the candidate. */
  readonly isNamed: boolean;
  readonly values: () => ReadonlyMap<string, ResolvedValue>;
}

/**
 * Considers a request: which persona, which defaults, and which candidates can serve it, with the reasons why others cannot. `Chat` runs what it
 * keeps, `Plan` prints it. Adapters are asked, in order, until `wanted` of them can build the request. Nothing is sent or spent here.
 *
 * Throws PERSONA_NOT_FOUND, SCOPE_DENIED for a persona or an option, and PROVIDER_NOT_FOUND for an instance that the request names.
 */
export function considerRequest(
  state: RoutingState,
  request: ChatRequest,
  principal: Principal,
  { wanted, ...deps }: ConsiderDeps,
): Consideration {
  const chosen = chosenPersona(state.config, request, principal.tenant);
  const persona = findPersona(state.config, chosen.value, principal);
  checkProviderOptions(request, principal);
  const merged = mergeLayers(state.config, { persona, tenant: principal.tenant }, request);
  const asked = askedCandidate(state, request, persona, principal);
  const isNamed = asked !== undefined;
  const terms: CandidateTerms = {
    adapters: state.adapters,
    request: merged.request,
    requirements: requirementsOf(merged.request, merged),
    principal,
    health: deps.health,
    pricing: deps,
    named: isNamed,
  };
  const routing = persona.routing ?? IN_ORDER;
  const considered = considerCandidates(isNamed ? [asked] : persona.candidates, terms);
  const ordered = isNamed ? considered : orderCandidates(routing.strategy, considered, merged.request, deps);
  const candidates = settleCandidates(ordered, merged.request, wanted);
  const values = (): ReadonlyMap<string, ResolvedValue> =>
    new Map([...merged.values(), ...routingValues(state.config, persona)])
      .set("persona", chosen)
      .set("candidates", { value: knownNames(candidates), origin: isNamed ? "request" : "persona" });
  return { persona: persona.name, merged, routing, candidates, isNamed, values };
}

/**
 * Resolves a request to the candidates that can serve it. Throws what `considerRequest` throws; if no candidate is kept, CAPABILITY_MISSING with
 * one precondition for each candidate and capability that is missing, NO_HEALTHY_TARGET if some could serve at another time, BUDGET_EXCEEDED or
 * MODEL_UNPRICED for who could serve and may cost too much, INVALID_FIELD, MODEL_NOT_FOUND, PROVIDER_NOT_FOUND or SCOPE_DENIED.
 */
export function resolve(state: RoutingState, request: ChatRequest, principal: Principal, deps: OrderDeps): Resolved {
  const { candidates: considered, ...rest } = considerRequest(state, request, principal, { ...deps, wanted: 1 });
  const { persona, merged, routing, isNamed, values } = rest;
  const candidates = considered.flatMap((entry) => (entry.kept ? [entry.candidate] : []));
  if (candidates.length === 0) throw refusalOf(persona, considered, isNamed);
  return Object.freeze({
    persona,
    request: merged.request,
    ...(merged.timeoutMs !== undefined && { timeoutMs: merged.timeoutMs }),
    candidates: Object.freeze(candidates),
    routing,
    values,
  });
}

/** The candidates that the key may know by name. */
function knownNames(candidates: readonly ConsideredCandidate[]): readonly string[] {
  return candidates.filter(({ place }) => place.provider !== "").map(({ place }) => nameOf(place));
}

/** The mock cannot spend and its script is what it is for, so its options are open to every key. */
function checkProviderOptions(request: ChatRequest, principal: Principal): void {
  const kinds = [request, ...request.tools].flatMap(({ providerOptionsJson }) => Object.keys(providerOptionsJson));
  const denied = kinds.find((kind) => kind !== "mock");
  if (denied !== undefined && !principal.providerOptions) {
    throw new ExecutionError(
      "SCOPE_DENIED",
      `this key may not send provider_options_json["${denied}"]; its configuration needs provider_options: true`,
    );
  }
}

/** The candidate the request names, if it names one. `a/b` is split only if `a` is an instance this key may use. */
function askedCandidate(
  { config }: RoutingState,
  request: ChatRequest,
  persona: PersonaSettings,
  principal: Principal,
): CandidateSettings | undefined {
  const mayName = (provider: string): boolean =>
    Object.hasOwn(config.providers, provider) && mayUseProvider(principal, provider);
  if (request.provider !== "") {
    // An instance that is not this key's looks like one that is not there.
    if (!mayName(request.provider)) {
      throw new ExecutionError(
        "PROVIDER_NOT_FOUND",
        `there is no provider instance "${request.provider}"; Capabilities lists the ones this key may use`,
      );
    }
    return request.model === "" ? { provider: request.provider } : { provider: request.provider, model: request.model };
  }
  if (request.model === "") return undefined;
  const slash = request.model.indexOf("/");
  const prefix = slash > 0 ? request.model.slice(0, slash) : "";
  if (prefix !== "" && mayName(prefix) && slash + 1 < request.model.length) {
    return { provider: prefix, model: request.model.slice(slash + 1) };
  }
  const provider = persona.candidates[0]?.provider;
  return provider === undefined ? undefined : { provider, model: request.model };
}
