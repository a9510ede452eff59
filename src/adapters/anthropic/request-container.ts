import { type Message, MessageRole, type ProviderState } from "../../gen/execution/v1/content_pb.js";
import { asObject, asText, type JsonObject, tryParse } from "../json.ts";
import { OWNER } from "./blocks.ts";

/**
 * The container a request has to name: that of the last answer if code in it waits for the results of the caller's tools (programmatic tool
 * calling, platform.claude.com/docs/en/agents-and-tools/tool-use/programmatic-tool-calling). Undefined otherwise: a container lives for minutes
 * after its last use, so that whoever wants to go on in an older one says so in `provider_options_json`.
 */
export function waitingContainer(messages: readonly Message[]): string | undefined {
  const answer = messages.findLast(({ role }) => role === MessageRole.ASSISTANT);
  const states = answer?.parts.flatMap((part) => part.providerState) ?? [];
  const isWaiting = objectsOf(states, "block").some(isCalledByCode);
  const container = isWaiting ? asText(objectsOf(states, "container").at(-1)?.id) : "";
  return container === "" ? undefined : container;
}

function objectsOf(states: readonly ProviderState[], wanted: string): JsonObject[] {
  return states.flatMap(({ owner, kind, data }) => {
    const value = owner === OWNER && kind === wanted ? asObject(tryParse(new TextDecoder().decode(data))) : undefined;
    return value === undefined ? [] : [value];
  });
}

function isCalledByCode({ type, caller }: JsonObject): boolean {
  const kind = asText(asObject(caller)?.type);
  return type === "tool_use" && kind !== "" && kind !== "direct";
}
