import { create } from "@bufbuild/protobuf";
import type { CandidateSettings } from "../config/config.ts";
import { ExecutionError } from "../errors.ts";
import {
  type CapabilitiesRequest,
  type CapabilitiesResponse,
  CapabilitiesResponseSchema,
  type Capability,
  type ModelCapabilities,
  Support,
} from "../gen/execution/v1/capabilities_pb.js";
import type { Principal } from "./call.ts";
import { requirementsOfPersona } from "./layers.ts";
import { supportOf } from "./requirements.ts";
import type { RoutingState } from "./resolve.ts";
import { findPersona, mayUseModel, mayUseProvider } from "./scope.ts";

/**
 * Says what the providers, models and personas can do that a key may use. Throws PROVIDER_NOT_FOUND if the request names an instance that is not
 * there or not the key's, and for a persona what `findPersona` throws.
 */
export function describeCapabilities(
  { config, adapters }: RoutingState,
  request: CapabilitiesRequest,
  principal: Principal,
  platformVersion: string,
): CapabilitiesResponse {
  const providers = Object.values(adapters)
    .filter(({ settings }) => mayUseProvider(principal, settings.name))
    .filter(({ settings }) => request.provider === "" || request.provider === settings.name)
    .map((adapter) => ({
      provider: adapter.settings.name,
      kind: adapter.settings.kind,
      spends: adapter.spends,
      models: modelsOf(adapter.models(), request, (name) => adapter.model(name)).filter((model) =>
        mayUseModel(principal, model, model.model),
      ),
    }));
  const all = Object.values(config.personas).filter(({ name }) => principal.personas?.includes(name) ?? true);
  const personas = (request.persona === "" ? all : [findPersona(config, request.persona, principal)])
    .map((persona) => ({ persona, requires: requirementsOfPersona(config, { persona, tenant: principal.tenant }) }))
    .map(({ persona, requires }) => ({
      persona: persona.name,
      requires: [...requires],
      candidates: persona.candidates.flatMap((candidate) => {
        const found = describeCandidate(candidate, adapters, principal);
        if (found === undefined) return [];
        const missing = requires.filter((capability) => !isSupported(found.model, capability));
        return [{ ...found, missing }];
      }),
    }));
  if (request.provider !== "" && providers.length === 0) {
    throw new ExecutionError(
      "PROVIDER_NOT_FOUND",
      `there is no provider instance "${request.provider}" this key may use`,
    );
  }
  return create(CapabilitiesResponseSchema, { providers, personas, platformVersion });
}

/** A candidate of a persona; undefined if it is not the key's to know. It has no model if neither the persona nor the instance names one. */
function describeCandidate(
  { provider, model: named }: CandidateSettings,
  adapters: RoutingState["adapters"],
  principal: Principal,
): { readonly provider: string; readonly model?: ModelCapabilities } | undefined {
  if (!mayUseProvider(principal, provider)) return undefined;
  const adapter = Object.hasOwn(adapters, provider) ? adapters[provider] : undefined;
  const word = named ?? adapter?.defaultModel;
  if (adapter === undefined || word === undefined) return { provider };
  const model = adapter.model(word);
  return mayUseModel(principal, model, word) ? { provider, model } : undefined;
}

function isSupported(model: ModelCapabilities | undefined, capability: Capability): boolean {
  if (model === undefined) return false;
  const support = supportOf(model, capability);
  return support === Support.NATIVE || support === Support.EMULATED;
}

/** The known models that match, or, where an instance is named, whatever model is asked for. */
function modelsOf(
  known: readonly ModelCapabilities[],
  { provider, model }: CapabilitiesRequest,
  lookUp: (name: string) => ModelCapabilities,
): ModelCapabilities[] {
  if (model === "") return [...known];
  const matching = known.filter((entry) => entry.model === model || entry.aliases.includes(model));
  return matching.length === 0 && provider !== "" ? [lookUp(model)] : matching;
}
