import { Capability, type ModelCapabilities, Support } from "../gen/execution/v1/capabilities_pb.js";
import { type ChatRequest, Modality, ReasoningEffort } from "../gen/execution/v1/chat_pb.js";
import type { Part } from "../gen/execution/v1/content_pb.js";
import type { MergedCall } from "./layers.ts";

/** Something a candidate must be able to do, and where it was asked for. */
export interface Requirement {
  readonly capability: Capability;
  /** Path in the request (`messages[0].parts[1].image`), or `persona.requires`, `tenant.requires`, `defaults.requires`. */
  readonly field: string;
  /** True if it was required by name, so that a candidate of which nothing is known does not do. */
  readonly named: boolean;
}

/** Lists what a request needs: the configuration's and the request's named requirements, then what its content implies, each once. */
export function requirementsOf(
  request: ChatRequest,
  { requires, requiredBy }: Pick<MergedCall, "requires" | "requiredBy">,
): readonly Requirement[] {
  const found = new Map<Capability, Requirement>();
  const need = (capability: Capability, field: string, named = false): void => {
    if (!found.has(capability)) found.set(capability, { capability, field, named });
  };
  for (const capability of requires) need(capability, requiredBy, true);
  for (const capability of request.requiredCapabilities) need(capability, "required_capabilities", true);
  if (request.tools.length > 0) need(toolCapability(request), "tools");
  request.tools.forEach((tool, index) => {
    if (tool.freeForm !== undefined) need(Capability.FREE_FORM_TOOLS, `tools[${index}].free_form`);
  });
  if (request.providerTools.length > 0) need(Capability.PROVIDER_TOOLS, "provider_tools");
  if (request.responseFormat?.format.case === "json") need(Capability.JSON_MODE, "response_format.json");
  if (request.responseFormat?.format.case === "jsonSchema") need(Capability.JSON_SCHEMA, "response_format.json_schema");
  if (wantsReasoning(request)) need(Capability.REASONING, "reasoning");
  request.modalities.forEach((modality, index) => {
    if (modality === Modality.AUDIO) need(Capability.AUDIO_OUTPUT, `modalities[${index}]`);
    if (modality === Modality.IMAGE) need(Capability.IMAGE_OUTPUT, `modalities[${index}]`);
  });
  request.messages.forEach((message, index) => {
    if (message.prefix) need(Capability.ASSISTANT_PREFIX, `messages[${index}].prefix`);
    partsNeed(message.parts, `messages[${index}]`, need);
  });
  return [...found.values()];
}

/** How well a model supports a capability. NATIVE_TOOLS follows from TOOLS where it is not listed itself. */
export function supportOf(model: ModelCapabilities, capability: Capability): Support {
  const listed = model.capabilities.find((entry) => entry.capability === capability)?.support;
  if (listed !== undefined) return listed;
  if (capability !== Capability.NATIVE_TOOLS) return Support.UNSPECIFIED;
  const tools = supportOf(model, Capability.TOOLS);
  return tools === Support.EMULATED ? Support.NONE : tools;
}

/** `IMAGE_INPUT` for CAPABILITY_IMAGE_INPUT. */
export function capabilityName(capability: Capability): string {
  return Capability[capability] ?? String(capability);
}

/** Until tools can be simulated, a request with tools needs them natively whatever tier it would accept. */
function toolCapability(request: ChatRequest): Capability {
  return request.maxToolTier === 1 ? Capability.NATIVE_TOOLS : Capability.TOOLS;
}

function wantsReasoning({ reasoning }: ChatRequest): boolean {
  if (reasoning === undefined || reasoning.enabled === false) return false;
  const asked = reasoning.effort !== ReasoningEffort.UNSPECIFIED && reasoning.effort !== ReasoningEffort.NONE;
  return asked || (reasoning.tokenBudget ?? 0) > 0 || reasoning.enabled === true;
}

function partsNeed(parts: readonly Part[], path: string, need: (capability: Capability, field: string) => void): void {
  parts.forEach(({ kind }, index) => {
    const field = `${path}.parts[${index}].${kind.case ?? "provider_state"}`;
    if (kind.case === "image") need(Capability.IMAGE_INPUT, field);
    if (kind.case === "document") need(Capability.DOCUMENT_INPUT, field);
    if (kind.case === "audio" && kind.value.source.case !== "providerId") need(Capability.AUDIO_INPUT, field);
    if (kind.case === "toolResult") partsNeed(kind.value.parts, `${path}.parts[${index}].tool_result`, need);
  });
}
