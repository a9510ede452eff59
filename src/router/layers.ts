import { create } from "@bufbuild/protobuf";
import type { CallSettings, Config, PersonaSettings, RequestDefaults } from "../config/config.ts";
import { type Capability, CapabilitySchema } from "../gen/execution/v1/capabilities_pb.js";
import { type ChatRequest, ChatRequestSchema, ReasoningSchema, SamplingSchema } from "../gen/execution/v1/chat_pb.js";
import type { ResolvedValue } from "./call.ts";
import { durationText, enumWord, systemMessage } from "./layer-values.ts";
import { mergeFields, type Note, type Source } from "./merge-fields.ts";

/** What the layers of a call merge to. Frozen; messages and tools are the request's own. */
export interface MergedCall {
  /** The request with everything in it that the layers below it say. */
  readonly request: ChatRequest;
  /** What a candidate must be known to have, beside what the request itself requires. */
  readonly requires: readonly Capability[];
  /** Where that is said, as errors name it: `persona.requires`. */
  readonly requiredBy: string;
  /** Total time of a call that brings no deadline, in milliseconds. Absent: the platform's. */
  readonly timeoutMs?: number;
  /** Every value by its path in the file (`sampling.top_p`), as JSON can hold it. */
  readonly values: ReadonlyMap<string, ResolvedValue>;
}

/** For whom layers are merged. */
export interface LayerChoice {
  readonly persona: PersonaSettings;
  /** Name of the caller's tenant. */
  readonly tenant: string;
}

/** A layer below the request: what it says, and where each of its values stands. */
interface Layer {
  readonly name: "defaults" | "tenant" | "persona";
  readonly settings: CallSettings;
  readonly originOf: (path: string) => string;
}

/** Fields of the request that are one value each. */
const SINGLE_FIELDS = (
  [
    "verbosity",
    "serviceTier",
    "parallelToolCalls",
    "store",
    "maxToolTier",
    "fallbackPolicy",
  ] as const satisfies readonly (keyof RequestDefaults)[]
).map((name) => ChatRequestSchema.field[name]);

/**
 * Merges the layers of one call, value by value: defaults, over them the tenant's settings, the persona's, and the request. Lists and texts are
 * replaced as a whole; the system prompt goes before the request's messages as one of its own.
 */
export function mergeLayers(config: Config, choice: LayerChoice, request: ChatRequest): MergedCall {
  const layers = layersOf(config, choice);
  const values = new Map<string, ResolvedValue>();
  const note: Note = (path, value, origin) => {
    values.set(path, Object.freeze({ value, origin }));
  };
  const sources = (key: "sampling" | "reasoning"): readonly Source[] => [
    ...layers.map(({ settings, originOf }) => ({ holder: settings[key], originOf })),
    { holder: request[key], originOf: () => "request" },
  ];
  const system = topmost(layers, "system");
  if (system !== undefined) note("system", system.value, system.layer.originOf("system"));
  const requires = topmost(layers, "requires");
  if (requires !== undefined) {
    const words = requires.value.map((capability) => enumWord(CapabilitySchema, capability));
    note("requires", words, requires.layer.originOf("requires"));
  }
  const sampling = mergeFields(SamplingSchema.fields, "sampling.", sources("sampling"), note);
  const reasoning = mergeFields(ReasoningSchema.fields, "reasoning.", sources("reasoning"), note);
  const singles = mergeFields(
    SINGLE_FIELDS,
    "",
    [
      ...layers.map(({ settings, originOf }) => ({ holder: settings, originOf })),
      { holder: request, originOf: () => "request" },
    ],
    note,
  );
  const timeout = topmost(layers, "timeoutMs");
  note(
    "timeout",
    durationText(timeout?.value ?? config.limits.defaultDeadlineMs),
    timeout?.layer.originOf("timeout") ?? config.origins.get("limits.default_deadline") ?? "default",
  );
  return Object.freeze({
    request: Object.freeze({
      ...request,
      ...singles,
      ...(system !== undefined && { messages: [systemMessage(system.value), ...request.messages] }),
      ...(sampling !== undefined && { sampling: Object.freeze(Object.assign(create(SamplingSchema), sampling)) }),
      ...(reasoning !== undefined && { reasoning: Object.freeze(Object.assign(create(ReasoningSchema), reasoning)) }),
    }),
    requires: requires?.value ?? [],
    requiredBy: `${requires?.layer.name ?? "defaults"}.requires`,
    ...(timeout !== undefined && { timeoutMs: timeout.value }),
    values,
  });
}

/** What a persona requires of a candidate when a tenant calls it. */
export function requirementsOfPersona(config: Config, choice: LayerChoice): readonly Capability[] {
  return topmost(layersOf(config, choice), "requires")?.value ?? [];
}

/** Name of the persona of a request, and who chose it. */
export function chosenPersona(
  { tenants, origins }: Config,
  request: ChatRequest,
  tenant: string,
): ResolvedValue & { readonly value: string } {
  if (request.persona !== "") return { value: request.persona, origin: "request" };
  const own = Object.hasOwn(tenants, tenant) ? tenants[tenant]?.defaultPersona : undefined;
  return own === undefined
    ? { value: "default", origin: "default" }
    : { value: own, origin: placed("tenant", origins.get(`tenants.${tenant}.default_persona`)) };
}

/** Lowest first. */
function layersOf({ defaults, tenants, origins }: Config, { persona, tenant }: LayerChoice): readonly Layer[] {
  const own = Object.hasOwn(tenants, tenant) ? tenants[tenant] : undefined;
  return [
    { name: "defaults", settings: defaults, originOf: (path) => origins.get(`defaults.${path}`) ?? "default" },
    ...(own === undefined
      ? []
      : [
          {
            name: "tenant" as const,
            settings: own,
            originOf: (path: string) => placed("tenant", origins.get(`tenants.${tenant}.${path}`)),
          },
        ]),
    {
      name: "persona",
      settings: persona,
      originOf: (path) => placed("persona", origins.get(`personas.${persona.name}.${path}`)),
    },
  ];
}

/** `persona (file:12)`. */
function placed(layer: string, origin: string | undefined): string {
  return origin === undefined ? layer : `${layer} (${origin})`;
}

type Topmost<Key extends keyof CallSettings> = {
  readonly value: NonNullable<CallSettings[Key]>;
  readonly layer: Layer;
};

/** The value of the highest layer that has one. */
function topmost<Key extends "system" | "requires" | "timeoutMs">(
  layers: readonly Layer[],
  key: Key,
): Topmost<Key> | undefined {
  return layers
    .map((layer): Topmost<Key> | undefined => {
      const value = layer.settings[key];
      return value === undefined ? undefined : { value, layer };
    })
    .findLast((found) => found !== undefined);
}
