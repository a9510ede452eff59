import type { PersonaSettings } from "../config/config.ts";
import type { ChatRequest, Sampling } from "../gen/execution/v1/chat_pb.js";
import { type Message, MessageRole } from "../gen/execution/v1/content_pb.js";
import type { ResolvedValue } from "./call.ts";

/** The request with the persona's system prompt and sampling defaults in it; what the request says wins. */
export function mergePersona(
  request: ChatRequest,
  persona: PersonaSettings,
  values: Map<string, ResolvedValue>,
): ChatRequest {
  const merged: ChatRequest = { ...request };
  if (persona.system !== undefined) {
    merged.messages = [systemMessage(persona.system), ...request.messages];
    values.set("system", { value: persona.system, origin: "persona" });
  }
  if (request.maxToolTier === undefined) {
    merged.maxToolTier = persona.maxToolTier;
    values.set("max_tool_tier", { value: persona.maxToolTier, origin: "persona" });
  }
  const sampling = mergeSampling(request.sampling, persona.sampling, values);
  if (sampling !== undefined) merged.sampling = sampling;
  return merged;
}

function mergeSampling(
  asked: Sampling | undefined,
  defaults: Sampling | undefined,
  values: Map<string, ResolvedValue>,
): Sampling | undefined {
  const isSet = ([name, value]: [string, unknown]): boolean =>
    !name.startsWith("$") &&
    value !== undefined &&
    (typeof value !== "object" || value === null || Object.keys(value).length > 0);
  const fromPersona = Object.entries(defaults ?? {}).filter(isSet);
  const fromRequest = Object.entries(asked ?? {}).filter(isSet);
  for (const [name, value] of fromPersona) values.set(`sampling.${name}`, { value, origin: "persona" });
  for (const [name, value] of fromRequest) values.set(`sampling.${name}`, { value, origin: "request" });
  if (defaults === undefined) return asked;
  return { ...defaults, ...Object.fromEntries(fromRequest) };
}

function systemMessage(text: string): Message {
  return {
    $typeName: "execution.v1.Message",
    role: MessageRole.SYSTEM,
    name: "",
    prefix: false,
    parts: [
      {
        $typeName: "execution.v1.Part",
        kind: { case: "text", value: { $typeName: "execution.v1.TextPart", text, citations: [] } },
        providerState: [],
      },
    ],
  };
}
