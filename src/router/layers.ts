import { create } from "@bufbuild/protobuf";
import type { CallSettings, Config, PersonaSettings, RequestDefaults } from "../config/config.ts";
import { type Capability, CapabilitySchema } from "../gen/execution/v1/capabilities_pb.js";
import {
  type ChatRequest,
  ChatRequestSchema,
  type Reasoning,
  ReasoningSchema,
  type Sampling,
  SamplingSchema,
} from "../gen/execution/v1/chat_pb.js";
import type { ResolvedValue } from "./call.ts";
import { durationText, enumWord, systemMessage } from "./layer-values.ts";
import { lay, type Merged, NOTHING, type Note, noteOrigins, type Source } from "./merge-fields.ts";

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
  /** Every value by its path in the file (`sampling.top_p`), as JSON can hold it. Made when it is asked for. */
  readonly values: () => ReadonlyMap<string, ResolvedValue>;
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

/** What is merged value by value. */
interface Values {
  readonly sampling: Merged<Sampling>;
  readonly reasoning: Merged<Reasoning>;
  readonly singles: Merged<Readonly<Record<string, unknown>>>;
}

/** What is below the requests of a tenant with a persona, and the same for all of them. */
interface Below extends Values {
  readonly system: Topmost<"system"> | undefined;
  readonly requires: Topmost<"requires"> | undefined;
  readonly timeout: Topmost<"timeoutMs"> | undefined;
}

/** By tenant and persona, whose number the configuration bounds. */
const known = new WeakMap<Config, Map<string, Below>>();

/**
 * Merges the layers of one call, value by value: defaults, over them the tenant's settings, the persona's, and the request. Lists and texts are
 * replaced as a whole; the system prompt goes before the request's messages as one of its own.
 */
export function mergeLayers(config: Config, choice: LayerChoice, request: ChatRequest): MergedCall {
  const below = belowRequests(config, choice);
  const { system, requires, timeout } = below;
  const values = layValues(below, request, request, () => "request");
  const { sampling, reasoning, singles } = values;
  const merged: ChatRequest = { ...request, ...singles.value };
  if (system !== undefined) merged.messages = [systemMessage(system.value), ...request.messages];
  if (sampling.value !== undefined) merged.sampling = sampling.value;
  if (reasoning.value !== undefined) merged.reasoning = reasoning.value;
  return Object.freeze({
    request: Object.freeze(merged),
    requires: requires?.value ?? [],
    requiredBy: `${requires?.layer.name ?? "defaults"}.requires`,
    ...(timeout !== undefined && { timeoutMs: timeout.value }),
    values: () => originsOf(config, { ...below, ...values }),
  });
}

function belowRequests(config: Config, choice: LayerChoice): Below {
  const name = `${choice.tenant}\n${choice.persona.name}`;
  const below = known.get(config)?.get(name);
  if (below !== undefined) return below;
  const merged = mergeBelow(layersOf(config, choice));
  const ofConfig = known.get(config) ?? new Map<string, Below>();
  known.set(config, ofConfig.set(name, merged));
  return merged;
}

function mergeBelow(layers: readonly Layer[]): Below {
  const nothing: Values = { sampling: NOTHING, reasoning: NOTHING, singles: NOTHING };
  return {
    ...layers.reduce((below, { settings, originOf }) => layValues(below, settings, settings, originOf), nothing),
    system: topmost(layers, "system"),
    requires: topmost(layers, "requires"),
    timeout: topmost(layers, "timeoutMs"),
  };
}

/** Lays what a layer says over what is below it. */
function layValues(
  below: Values,
  { sampling, reasoning }: Pick<RequestDefaults, "sampling" | "reasoning">,
  singles: object,
  originOf: Source["originOf"],
): Values {
  return {
    sampling: lay(below.sampling, SamplingSchema.fields, { holder: sampling, originOf }, (values) =>
      Object.freeze(Object.assign(create(SamplingSchema), values)),
    ),
    reasoning: lay(below.reasoning, ReasoningSchema.fields, { holder: reasoning, originOf }, (values) =>
      Object.freeze(Object.assign(create(ReasoningSchema), values)),
    ),
    singles: lay(below.singles, SINGLE_FIELDS, { holder: singles, originOf }, (values) => values),
  };
}

/** Every value with its origin. */
function originsOf({ limits, origins }: Config, merged: Below): ReadonlyMap<string, ResolvedValue> {
  const { system, requires, timeout } = merged;
  const values = new Map<string, ResolvedValue>();
  const note: Note = (path, value, origin) => {
    values.set(path, Object.freeze({ value, origin }));
  };
  if (system !== undefined) note("system", system.value, system.layer.originOf("system"));
  if (requires !== undefined) {
    const words = requires.value.map((capability) => enumWord(CapabilitySchema, capability));
    note("requires", words, requires.layer.originOf("requires"));
  }
  noteOrigins(merged.sampling, "sampling.", note);
  noteOrigins(merged.reasoning, "reasoning.", note);
  noteOrigins(merged.singles, "", note);
  note(
    "timeout",
    durationText(timeout?.value ?? limits.defaultDeadlineMs),
    timeout?.layer.originOf("timeout") ?? origins.get("limits.default_deadline") ?? "default",
  );
  return values;
}

/** What a persona requires of a candidate when a tenant calls it. */
export function requirementsOfPersona(config: Config, choice: LayerChoice): readonly Capability[] {
  return belowRequests(config, choice).requires?.value ?? [];
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
