import type { ModelCapabilities } from "../gen/execution/v1/capabilities_pb.js";
import type { Principal } from "./call.ts";

/** Whether a key may name an instance, or be routed to it. */
export function mayUseProvider({ providers }: Pick<Principal, "providers">, name: string): boolean {
  return providers?.includes(name) ?? true;
}

/** Whether a key may use a model: by the word it is asked for with, by the provider's own, or by an alias. */
export function mayUseModel({ models }: Pick<Principal, "models">, model: ModelCapabilities, word: string): boolean {
  return models === undefined || [word, model.model, ...model.aliases].some((name) => models.includes(name));
}
