import { create } from "@bufbuild/protobuf";
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
import { mayUse, type RoutingState } from "./resolve.ts";

/**
 * Says what the providers, models and personas can do that a key may use. Throws PERSONA_NOT_FOUND or PROVIDER_NOT_FOUND if the request
 * names one that is not there or not the key's.
 */
export function describeCapabilities(
  { config, adapters }: RoutingState,
  request: CapabilitiesRequest,
  principal: Principal,
  platformVersion: string,
): CapabilitiesResponse {
  const mayUseModel = (model: ModelCapabilities): boolean =>
    principal.models === undefined || [model.model, ...model.aliases].some((name) => principal.models?.includes(name));
  const providers = Object.values(adapters)
    .filter(({ settings }) => principal.providers?.includes(settings.name) ?? true)
    .filter(({ settings }) => request.provider === "" || request.provider === settings.name)
    .map((adapter) => ({
      provider: adapter.settings.name,
      kind: adapter.settings.kind,
      spends: adapter.spends,
      models: modelsOf(adapter.models(), request, (name) => adapter.model(name)).filter(mayUseModel),
    }));
  const personas = Object.values(config.personas)
    .filter(({ name }) => principal.personas?.includes(name) ?? true)
    .filter(({ name }) => request.persona === "" || request.persona === name)
    .map((persona) => ({ persona, requires: requirementsOfPersona(config, { persona, tenant: principal.tenant }) }))
    .map(({ persona, requires }) => ({
      persona: persona.name,
      requires: [...requires],
      candidates: persona.candidates.flatMap(({ provider, model }) => {
        const adapter = adapters[provider];
        const word = model ?? adapter?.defaultModel;
        if (adapter === undefined || word === undefined) return [];
        const found = adapter.model(word);
        if (!mayUse(principal, { adapter, model: found }, { provider, model: word })) return [];
        return [{ provider, model: found, missing: requires.filter((capability) => !isSupported(found, capability)) }];
      }),
    }));
  if (request.provider !== "" && providers.length === 0) {
    throw new ExecutionError(
      "PROVIDER_NOT_FOUND",
      `there is no provider instance "${request.provider}" this key may use`,
    );
  }
  if (request.persona !== "" && personas.length === 0) {
    throw new ExecutionError("PERSONA_NOT_FOUND", `there is no persona "${request.persona}" this key may use`);
  }
  return create(CapabilitiesResponseSchema, { providers, personas, platformVersion });
}

function isSupported(model: ModelCapabilities, capability: Capability): boolean {
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
