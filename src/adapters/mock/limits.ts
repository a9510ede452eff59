import { Capability, Support } from "../../gen/execution/v1/capabilities_pb.js";
import { type ChatRequest, Modality, ReasoningEffort, type Warning } from "../../gen/execution/v1/chat_pb.js";
import type { Part } from "../../gen/execution/v1/content_pb.js";
import type { ProviderSettings } from "../adapter.ts";
import { type ErrorPlace, missingError } from "./errors.ts";
import { describeModel, MOCK_OWNER } from "./models.ts";

/** A request as far as a model can take it. */
export interface TakenRequest {
  readonly request: ChatRequest;
  /** Whether cache hints count. */
  readonly caching: boolean;
  /** What was left out. */
  readonly warnings: readonly Warning[];
}

/**
 * Holds a request to what its model has. Throws CAPABILITY_MISSING for content and contract fields it lacks and for another vendor's files;
 * leaves out hints it lacks and other vendors' provider state, with a warning each.
 */
export function takeRequest(request: ChatRequest, settings: ProviderSettings, place: ErrorPlace): TakenRequest {
  const { capabilities } = describeModel(settings, place.model);
  const lacks = (wanted: Capability): boolean =>
    capabilities.some(({ capability, support }) => capability === wanted && support === Support.NONE);
  const refused = usedCapabilities(request).find(([capability]) => lacks(capability));
  if (refused !== undefined) throw missingError(refused[1], place);
  if (request.upstreamRouting !== undefined) throw missingError("upstream_routing", place);
  refuseForeignFiles(request, place);
  const warnings = stateWarnings(request);
  const caching = !lacks(Capability.PROMPT_CACHING);
  if (!caching && hasCacheHint(request)) warnings.push(ignored("cache_hint", `${place.model} has no cache`));
  if (request.sampling?.logprobs !== true || !lacks(Capability.LOGPROBS)) return { request, caching, warnings };
  warnings.push(ignored("sampling.logprobs", `${place.model} knows none`));
  return { request: { ...request, sampling: { ...request.sampling, logprobs: false } }, caching, warnings };
}

function ignored(field: string, why: string): Warning {
  return { $typeName: "execution.v1.Warning", code: "FIELD_IGNORED", field, text: `${field} was left out: ${why}` };
}

/** The capabilities whose fields are content or contract, with the words for those a request uses. */
function usedCapabilities(request: ChatRequest): readonly (readonly [Capability, string])[] {
  const { messages, tools, responseFormat, modalities } = request;
  const parts = messages.flatMap((message) => message.parts).flatMap(withResultParts);
  const has = (kind: Part["kind"]["case"]): boolean => parts.some((part) => part.kind.case === kind);
  const uses: readonly (readonly [Capability, string, boolean])[] = [
    [Capability.TOOLS, "tools", tools.length > 0],
    [Capability.NATIVE_TOOLS, "tools", tools.length > 0],
    [Capability.FREE_FORM_TOOLS, "tools with free_form", tools.some(({ freeForm }) => freeForm !== undefined)],
    [Capability.PROVIDER_TOOLS, "provider_tools", request.providerTools.length > 0],
    [Capability.IMAGE_INPUT, "images", has("image")],
    [Capability.DOCUMENT_INPUT, "documents", has("document")],
    [Capability.AUDIO_INPUT, "sound", has("audio")],
    [Capability.JSON_MODE, "response_format.json", responseFormat?.format.case === "json"],
    [Capability.JSON_SCHEMA, "response_format.json_schema", responseFormat?.format.case === "jsonSchema"],
    [Capability.REASONING, "reasoning", wantsReasoning(request)],
    [Capability.AUDIO_OUTPUT, "modalities with audio", modalities.includes(Modality.AUDIO)],
    [Capability.IMAGE_OUTPUT, "modalities with images", modalities.includes(Modality.IMAGE)],
    [Capability.ASSISTANT_PREFIX, "assistant prefix", messages.some(({ prefix }) => prefix)],
  ];
  return uses.filter(([, , used]) => used).map(([capability, words]) => [capability, words]);
}

/** True if the request asks for reasoning, by effort, budget or switch, and does not switch it off. */
export function wantsReasoning({ reasoning }: ChatRequest): boolean {
  if (reasoning === undefined || reasoning.enabled === false || reasoning.tokenBudget === 0) return false;
  if (reasoning.enabled === true || reasoning.tokenBudget !== undefined) return true;
  return reasoning.effort !== ReasoningEffort.UNSPECIFIED && reasoning.effort !== ReasoningEffort.NONE;
}

function withResultParts(part: Part): readonly Part[] {
  return part.kind.case === "toolResult" ? [part, ...part.kind.value.parts] : [part];
}

function hasCacheHint(request: ChatRequest): boolean {
  const hinted = [request, ...request.tools, ...request.messages.flatMap(({ parts }) => parts)];
  return hinted.some(({ cacheHint }) => cacheHint !== undefined);
}

function refuseForeignFiles({ messages }: ChatRequest, place: ErrorPlace): void {
  messages.forEach(({ parts }, message) => {
    parts.forEach(({ kind }, part) => {
      if (kind.case !== "providerFile" || kind.value.owner === MOCK_OWNER) return;
      throw missingError(`file of another vendor (messages[${message}].parts[${part}].provider_file)`, place);
    });
  });
}

/** A warning for each state of another vendor that the conversation carries. */
function stateWarnings({ messages }: ChatRequest): Warning[] {
  return messages.flatMap(({ parts }, message) =>
    parts.flatMap(({ providerState }, part) =>
      providerState.flatMap(({ owner }, index) => {
        const field = `messages[${message}].parts[${part}].provider_state[${index}]`;
        return owner === MOCK_OWNER ? [] : [ignored(field, `it is ${owner}'s, and the mock serves this request`)];
      }),
    ),
  );
}
