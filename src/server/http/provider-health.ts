import type { CapabilitiesResponse } from "../../gen/execution/v1/capabilities_pb.js";
import type { TargetState } from "../../router/health/health.ts";

/** One provider instance, as `GET /health/providers` shows it. */
interface ProviderHealth {
  readonly provider: string;
  readonly kind: string;
  readonly spends: boolean;
  /** `unknown` if no model of it was tried of late, `up` if all that were may be, `down` if none may be, else `degraded`. */
  readonly state: "unknown" | "up" | "degraded" | "down";
  /** The models that were tried of late, with the state of their breakers. */
  readonly models: readonly {
    readonly model: string;
    readonly state: TargetState["state"];
    /** When it may be tried again; absent if it may be now. */
    readonly retry_after_ms?: number;
  }[];
}

/**
 * The provider instances and models that a key may use, with how calls to them went. Nothing is probed for it, since a request to a provider can cost
 * money. Models that the key is not shown by `Capabilities` are left out: their names may be somebody else's.
 */
export function providerHealth({ providers }: CapabilitiesResponse, states: readonly TargetState[]) {
  const shown = providers.map(({ provider, kind, spends, models: known }): ProviderHealth => {
    const names = new Set(known.map(({ model }) => model));
    const tried = states.filter((target) => target.provider === provider && names.has(target.model));
    const models = tried
      .map(({ model, state, waitMs }) => ({
        model,
        state,
        ...(waitMs > 0 && { retry_after_ms: Math.ceil(waitMs) }),
      }))
      .toSorted((one, other) => (one.model < other.model ? -1 : 1));
    return { provider, kind, spends, state: overall(tried), models };
  });
  return { providers: shown, note: "providers are not probed: a state is what became of calls" };
}

function overall(tried: readonly TargetState[]): ProviderHealth["state"] {
  if (tried.length === 0) return "unknown";
  const up = tried.filter(({ state }) => state === "closed").length;
  if (up === tried.length) return "up";
  return up === 0 ? "down" : "degraded";
}
