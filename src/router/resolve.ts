import type { Adapter } from "../adapters/adapter.ts";
import type { CandidateSettings, Config, PersonaSettings } from "../config/config.ts";
import { ExecutionError, type PreconditionViolation } from "../errors.ts";
import { type ModelCapabilities, Support } from "../gen/execution/v1/capabilities_pb.js";
import type { ChatRequest, Warning } from "../gen/execution/v1/chat_pb.js";
import type { Principal, Resolved, ResolvedCandidate, ResolvedValue } from "./call.ts";
import { chosenPersona, mergeLayers } from "./layers.ts";
import { capabilityName, type Requirement, requirementsOf, supportOf } from "./requirements.ts";

/** What a request is resolved against: one consistent state of the configuration and its adapters. */
export interface RoutingState {
  readonly config: Config;
  /** By instance name. */
  readonly adapters: Readonly<Record<string, Adapter>>;
}

/**
 * Resolves a request: which persona, which defaults, and which candidates can serve it. Nothing is sent or spent here.
 *
 * Throws PERSONA_NOT_FOUND, PROVIDER_NOT_FOUND, MODEL_NOT_FOUND, SCOPE_DENIED, or CAPABILITY_MISSING with one precondition for each candidate
 * and capability that is missing.
 */
export function resolve(state: RoutingState, request: ChatRequest, principal: Principal): Resolved {
  const persona = findPersona(state.config, request, principal);
  checkProviderOptions(request, principal);
  const merged = mergeLayers(state.config, { persona, tenant: principal.tenant }, request);
  const values = new Map(merged.values).set("persona", chosenPersona(state.config, request, principal.tenant));
  const requirements = requirementsOf(merged.request, merged);
  const considered = chooseCandidates(state, request, persona, principal, values);
  const violations: PreconditionViolation[] = [];
  const candidates: ResolvedCandidate[] = [];
  for (const { adapter, model } of considered) {
    const missing = missingOf(adapter, model, requirements);
    violations.push(...missing);
    if (missing.length === 0) {
      const warnings = unknownWarnings(adapter, model, requirements);
      candidates.push({ adapter, model, toolTier: request.tools.length > 0 ? 1 : 0, warnings });
    }
  }
  if (candidates.length === 0) {
    const missing = violations.map(({ subject, description }) => `${subject}: ${description}`);
    throw new ExecutionError(
      "CAPABILITY_MISSING",
      `no candidate of persona "${persona.name}" can serve this request: ${missing.join("; ")}`,
      {
        preconditions: violations,
      },
    );
  }
  return Object.freeze({
    persona: persona.name,
    request: merged.request,
    ...(merged.timeoutMs !== undefined && { timeoutMs: merged.timeoutMs }),
    candidates: Object.freeze(candidates),
    values,
  });
}

function findPersona(config: Config, request: ChatRequest, principal: Principal): PersonaSettings {
  const name = chosenPersona(config, request, principal.tenant).value;
  const persona = Object.hasOwn(config.personas, name) ? config.personas[name] : undefined;
  if (persona === undefined) {
    throw new ExecutionError(
      "PERSONA_NOT_FOUND",
      `there is no persona "${name}"; Capabilities lists the ones this key may use`,
    );
  }
  if (principal.personas !== undefined && !principal.personas.includes(name)) {
    throw new ExecutionError(
      "SCOPE_DENIED",
      `this key may not use the persona "${name}"; Capabilities lists the ones it may use`,
    );
  }
  return persona;
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

interface Considered {
  readonly adapter: Adapter;
  readonly model: ModelCapabilities;
}

function chooseCandidates(
  state: RoutingState,
  request: ChatRequest,
  persona: PersonaSettings,
  principal: Principal,
  values: Map<string, ResolvedValue>,
): readonly Considered[] {
  const asked = askedCandidate(state, request, persona, principal);
  values.set("candidates", {
    value: asked === undefined ? persona.candidates : [asked],
    origin: asked === undefined ? "persona" : "request",
  });
  if (asked !== undefined) {
    const considered = consider(state, asked);
    if (!mayUse(principal, considered, asked)) {
      // Nothing but what the caller named: the instance behind a model and the model behind an alias may not be this key's to know.
      const named =
        request.model === "" ? `the default model of "${request.provider}"` : `the model "${request.model}"`;
      throw new ExecutionError("SCOPE_DENIED", `this key may not use ${named}`);
    }
    return [considered];
  }
  const allowed = persona.candidates
    .map((candidate) => ({ candidate, considered: consider(state, candidate) }))
    .filter(({ candidate, considered }) => mayUse(principal, considered, candidate))
    .map(({ considered }) => considered);
  if (allowed.length === 0) {
    throw new ExecutionError("SCOPE_DENIED", `this key may use none of the candidates of persona "${persona.name}"`);
  }
  return allowed;
}

/** The candidate the request names, if it names one. `a/b` is split only if `a` is an instance this key may use. */
function askedCandidate(
  { config }: RoutingState,
  request: ChatRequest,
  persona: PersonaSettings,
  principal: Principal,
): CandidateSettings | undefined {
  const mayName = (provider: string): boolean =>
    Object.hasOwn(config.providers, provider) && (principal.providers?.includes(provider) ?? true);
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

function consider({ adapters }: RoutingState, candidate: CandidateSettings): Considered {
  const adapter = Object.hasOwn(adapters, candidate.provider) ? adapters[candidate.provider] : undefined;
  if (adapter === undefined) {
    throw new ExecutionError("PROVIDER_NOT_FOUND", `there is no provider instance "${candidate.provider}"`);
  }
  const name = candidate.model ?? adapter.defaultModel;
  if (name === undefined) {
    throw new ExecutionError(
      "MODEL_NOT_FOUND",
      `provider instance "${candidate.provider}" has no default model; name one in \`model\` or in the persona`,
    );
  }
  return { adapter, model: adapter.model(name) };
}

/** Whether a key may use a model of an instance, by the name the candidate gives it or by the provider's own. */
export function mayUse(principal: Principal, { adapter, model }: Considered, candidate: CandidateSettings): boolean {
  const provider = principal.providers?.includes(adapter.settings.name) ?? true;
  const named = candidate.model ?? model.model;
  return (
    provider &&
    (principal.models === undefined || principal.models.includes(model.model) || principal.models.includes(named))
  );
}

function missingOf(
  adapter: Adapter,
  model: ModelCapabilities,
  requirements: readonly Requirement[],
): readonly PreconditionViolation[] {
  return requirements
    .filter(({ capability, named }) => {
      const support = supportOf(model, capability);
      return support === Support.NONE || (named && support === Support.UNSPECIFIED);
    })
    .map(({ capability, field }) => ({
      type: "CAPABILITY",
      subject: `${adapter.settings.name}/${model.model}`,
      description: `${capabilityName(capability)} is missing, needed by ${field}`,
    }));
}

function unknownWarnings(
  adapter: Adapter,
  model: ModelCapabilities,
  requirements: readonly Requirement[],
): readonly Warning[] {
  return requirements
    .filter(({ capability }) => supportOf(model, capability) === Support.UNSPECIFIED)
    .map(({ capability, field }) => ({
      $typeName: "execution.v1.Warning",
      code: "CAPABILITY_UNKNOWN",
      field,
      text: `it is not known whether ${adapter.settings.name}/${model.model} has ${capabilityName(capability)}; declare it in the configuration of the model`,
    }));
}
