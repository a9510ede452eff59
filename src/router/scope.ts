import type { Config, PersonaSettings } from "../config/config.ts";
import { ExecutionError } from "../errors.ts";
import type { ModelCapabilities } from "../gen/execution/v1/capabilities_pb.js";
import type { Principal } from "./call.ts";

/**
 * The persona of a name. Throws PERSONA_NOT_FOUND if there is none, or it is not for the key's tenant, which must not be told apart; SCOPE_DENIED if
 * the key alone may not use it.
 */
export function findPersona(
  { personas, tenants }: Pick<Config, "personas" | "tenants">,
  name: string,
  { tenant, personas: own }: Pick<Principal, "tenant" | "personas">,
): PersonaSettings {
  const persona = Object.hasOwn(personas, name) ? personas[name] : undefined;
  const ofTenant = Object.hasOwn(tenants, tenant) ? tenants[tenant]?.personas : undefined;
  if (persona === undefined || ofTenant?.includes(name) === false) {
    throw new ExecutionError(
      "PERSONA_NOT_FOUND",
      `there is no persona "${name}"; Capabilities lists the ones this key may use`,
    );
  }
  if (own?.includes(name) === false) {
    throw new ExecutionError(
      "SCOPE_DENIED",
      `this key may not use the persona "${name}"; Capabilities lists the ones it may use`,
    );
  }
  return persona;
}

/** Whether a key may name an instance, or be routed to it. */
export function mayUseProvider({ providers }: Pick<Principal, "providers">, name: string): boolean {
  return providers?.includes(name) ?? true;
}

/** Whether a key may use a model: by the word it is asked for with, by the provider's own, or by an alias. */
export function mayUseModel({ models }: Pick<Principal, "models">, model: ModelCapabilities, word: string): boolean {
  return models === undefined || [word, model.model, ...model.aliases].some((name) => models.includes(name));
}
