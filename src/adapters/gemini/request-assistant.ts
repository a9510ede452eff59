import { Capability } from "../../gen/execution/v1/capabilities_pb.js";
import { Executor, type Message, type Part, type ToolCallPart } from "../../gen/execution/v1/content_pb.js";
import { isJsonObjectText, joinMembers, jsonMembers, type RawJson, rawJson } from "../../json-text.ts";
import { wireId } from "./call-ids.ts";
import { OWNER } from "./content.ts";
import { type BuildContext, cannotCarry, ignoreCacheHint, jsonObject, VENDOR } from "./request-notes.ts";
import { contentPart } from "./request-parts.ts";
import type { WireContent, WirePart } from "./request-wire.ts";

/** State of ours that a part carries. */
interface OwnState {
  /** The JSON of the whole part but for its signature; empty if the part is to be built from what it holds. */
  readonly part: string;
  readonly signature: string;
}

/**
 * Builds a turn of the model: each part as it came, its signature with it. What the provider ran goes back by its state alone; without that, and
 * for what other providers left, FIELD_IGNORED. Throws CAPABILITY_MISSING for a turn that is to be continued.
 */
export function assistantContent(message: Message, path: string, context: BuildContext): WireContent {
  if (message.prefix) {
    throw cannotCarry(`${path}.prefix`, "message to continue", Capability.ASSISTANT_PREFIX);
  }
  const parts = message.parts.flatMap((part, index) => assistantPart(part, `${path}.parts[${index}]`, context));
  return { role: "model", parts };
}

function assistantPart(part: Part, path: string, context: BuildContext): readonly (WirePart | RawJson)[] {
  ignoreCacheHint(part, path, context);
  const { part: raw, signature } = ownState(part, path, context);
  if (raw !== "") return [signature === "" ? rawJson(raw) : withSignature(raw, signature)];
  const built = builtPart(part, path, context);
  if (built === undefined) return signature === "" ? [] : [{ text: "", thoughtSignature: signature }];
  return [signature === "" ? built : { ...built, thoughtSignature: signature }];
}

function withSignature(raw: string, signature: string): RawJson {
  return rawJson(joinMembers([...jsonMembers(raw), ["thoughtSignature", JSON.stringify(signature)]]));
}

function builtPart(part: Part, path: string, context: BuildContext): WirePart | undefined {
  const { kind } = part;
  switch (kind.case) {
    case "reasoning":
      return { text: kind.value.text, thought: true };
    case "refusal":
      context.ignored(`${path}.refusal`, `${VENDOR} knows no refusals; its words went as text`);
      return { text: kind.value.text };
    case "toolCall":
      return callPart(kind.value, `${path}.tool_call`, context);
    case "toolResult":
      context.ignored(`${path}.tool_result`, "a result of a tool that another provider ran does not go back");
      return undefined;
    case undefined:
      return undefined;
    default:
      if (kind.case === "text" && kind.value.citations.length > 0) {
        context.ignored(`${path}.text.citations`, `${VENDOR} takes no citations back`);
      }
      return contentPart(part, path, context);
  }
}

function callPart(call: ToolCallPart, path: string, context: BuildContext): WirePart | undefined {
  const { name, argumentsJson, executor, freeForm } = call;
  if (executor === Executor.PROVIDER) {
    context.ignored(path, "a call that another provider ran itself does not go back");
    return undefined;
  }
  if (freeForm) throw cannotCarry(`${path}.free_form`, "calls with free text", Capability.FREE_FORM_TOOLS);
  const id = wireId(call.id);
  const args = jsonObject(argumentsJson || "{}", `${path}.arguments_json`);
  return { functionCall: { ...(id !== undefined && { id }), name, args } };
}

/** Reads the state of a part; what is not ours, or of a kind this wire does not know, is left out with a warning. */
function ownState({ providerState }: Part, path: string, context: BuildContext): OwnState {
  let part = "";
  let signature = "";
  for (const [index, { owner, kind, data }] of providerState.entries()) {
    const field = `${path}.provider_state[${index}]`;
    const text = new TextDecoder().decode(data);
    if (owner !== OWNER) context.ignored(field, `it is ${owner}'s, and ${OWNER} serves this request`);
    else if (kind === "thought_signature") signature = text;
    else if (kind === "part" && isJsonObjectText(text)) part = text;
    else context.ignored(field, `${owner} knows no state "${kind}" on this wire`);
  }
  return { part, signature };
}
