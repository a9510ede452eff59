import { Capability } from "../../gen/execution/v1/capabilities_pb.js";
import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import { type ProviderTool, type ResponseFormat, type Tool, ToolChoiceMode } from "../../gen/execution/v1/tools_pb.js";
import { isJsonObjectText, joinMembers, jsonMembers, type RawJson, rawJson } from "../../json-text.ts";
import { invalidField } from "../notes.ts";
import { readProviderOptions } from "../provider-options.ts";
import { allowedTools, checkToolChoice, isForced, refuseSameNames } from "../tool-choice.ts";
import { OWNER } from "./blocks.ts";
import { type BuildContext, cannotCarry } from "./request-notes.ts";
import { cacheField } from "./request-state.ts";
import type { WireBody, WireOutputConfig, WireTool, WireToolChoice } from "./request-wire.ts";
import { type TypedTool, typedTool } from "./server-tools.ts";

/** Fields of a tool the contract does not have, for its `provider_options_json`. */
const TOOL_OPTIONS = ["allowed_callers", "input_examples"];

/** Builds the fields of a body that are about tools. */
export function buildTools(request: ChatRequest, context: BuildContext): Pick<WireBody, "tools" | "tool_choice"> {
  const provided = request.providerTools.map(providerTool);
  const names = provided.map(({ name }) => name);
  refuseSameNames(request);
  checkToolChoice(request, names.every((name) => name !== undefined) ? names : undefined);
  const allowed = allowedTools(request.toolChoice);
  if (allowed !== undefined) {
    context.changed("tool_choice.tool_names", `${OWNER} takes no list of names, so only these tools were sent`);
  }
  const callerTools = request.tools.flatMap((tool, index) =>
    allowed === undefined || allowed.has(tool.name) ? [callerTool(tool, `tools[${index}]`)] : [],
  );
  const tools = [...callerTools, ...provided.map(({ tool }) => tool)];
  const choice = toolChoice(request, tools.length > 0, context);
  return { ...(tools.length > 0 && { tools }), ...(choice !== undefined && { tool_choice: choice }) };
}

function callerTool(tool: Tool, path: string): WireTool {
  if (tool.freeForm !== undefined) {
    throw cannotCarry(`${path}.free_form`, "tool with free text", Capability.FREE_FORM_TOOLS);
  }
  const { name, description, strict, eagerArguments, deferred, providerOptionsJson } = tool;
  return {
    name,
    ...(description !== undefined && { description }),
    input_schema: inputSchema(tool.parametersJson, `${path}.parameters_json`),
    ...(strict !== undefined && { strict }),
    ...(eagerArguments !== undefined && { eager_input_streaming: eagerArguments }),
    ...(deferred !== undefined && { defer_loading: deferred }),
    ...cacheField(tool.cacheHint),
    ...readProviderOptions(providerOptionsJson, `${path}.provider_options_json`, {
      kind: OWNER,
      vendor: OWNER,
      allowed: TOOL_OPTIONS,
    }),
  };
}

/** The schema as it is. The wire demands that it says `type: object`, which arguments are in any case. */
function inputSchema(text: string, path: string): RawJson {
  if (text === "") return rawJson('{"type":"object"}');
  const schema = jsonObject(text, path);
  const members = jsonMembers(text);
  return members.has("type") ? schema : rawJson(joinMembers([["type", '"object"'], ...members]));
}

function providerTool({ kind, optionsJson }: ProviderTool, index: number): TypedTool {
  const path = `provider_tools[${index}].options_json`;
  const options = optionsJson === "" ? "{}" : optionsJson;
  if (!isJsonObjectText(options)) throw invalidField(path, "must be the text of a JSON object");
  const members = jsonMembers(options);
  if (members.has("type")) throw invalidField(path, "must not hold a type; the kind is the type");
  return typedTool(kind, members);
}

function toolChoice(request: ChatRequest, hasTools: boolean, context: BuildContext): WireToolChoice | undefined {
  const { toolChoice: choice, parallelToolCalls } = request;
  const mode = choice?.mode ?? ToolChoiceMode.UNSPECIFIED;
  if (!hasTools) {
    if (mode === ToolChoiceMode.REQUIRED) throw invalidField("tool_choice", "asks for a call, but there are no tools");
    if (mode !== ToolChoiceMode.UNSPECIFIED) context.ignored("tool_choice", "there are no tools");
    if (parallelToolCalls !== undefined) context.ignored("parallel_tool_calls", "there are no tools");
    return undefined;
  }
  const oneCall = parallelToolCalls === false ? ({ disable_parallel_tool_use: true } as const) : {};
  switch (mode) {
    case ToolChoiceMode.NONE:
      return { type: "none" };
    case ToolChoiceMode.REQUIRED: {
      if (!context.quirks.forcedTools) throw cannotCarry("tool_choice.mode", "tool choice that forces a call");
      const [name = ""] = choice?.toolNames ?? [];
      return isForced(choice) ? { type: "tool", name, ...oneCall } : { type: "any", ...oneCall };
    }
    case ToolChoiceMode.AUTO:
      return { type: "auto", ...oneCall };
    default:
      return parallelToolCalls === false ? { type: "auto", ...oneCall } : undefined;
  }
}

/**
 * Builds `output_config.format`. A schema's name has no place on this wire and means nothing to the model; its description and `strict: false`
 * are left out with a warning. Throws CAPABILITY_MISSING for JSON without a schema.
 */
export function outputFormat(format: ResponseFormat | undefined, { ignored }: BuildContext): WireOutputConfig {
  switch (format?.format.case) {
    case "json":
      throw cannotCarry("response_format.json", "JSON without a schema", Capability.JSON_MODE);
    case "jsonSchema": {
      const { description, schemaJson, strict } = format.format.value;
      const path = "response_format.json_schema";
      if (description !== undefined) ignored(`${path}.description`, `${OWNER} takes the schema alone`);
      if (strict === false) ignored(`${path}.strict`, `${OWNER} always holds the answer to its schema`);
      return { format: { type: "json_schema", schema: jsonObject(schemaJson, `${path}.schema_json`) } };
    }
    default:
      return {};
  }
}

function jsonObject(text: string, field: string): RawJson {
  if (!isJsonObjectText(text)) throw invalidField(field, "must be the text of a JSON object");
  return rawJson(text);
}
