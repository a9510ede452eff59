import type { ChatCompletionCustomTool } from "openai/resources/chat/completions/completions";
import { Capability } from "../../gen/execution/v1/capabilities_pb.js";
import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import {
  type Grammar,
  type JsonSchemaFormat,
  type ProviderTool,
  type ResponseFormat,
  type Tool,
  type ToolChoice,
  ToolChoiceMode,
} from "../../gen/execution/v1/tools_pb.js";
import { isJsonObjectText, joinMembers, jsonMembers, type RawJson, rawJson } from "../../json-text.ts";
import { invalidField } from "../notes.ts";
import { readProviderOptions } from "../provider-options.ts";
import { allowedTools, checkToolChoice, isForced } from "../tool-choice.ts";
import { type BuildContext, cannotCarry } from "./request-notes.ts";
import { withCacheHint } from "./request-parts.ts";
import type { WireBody, WireTool, WireToolChoice } from "./request-wire.ts";

/** The kind of the contract's `provider_options_json` this adapter reads. */
export const KIND = "openai";

/** Builds the fields of a body that are about tools. */
export function buildTools(request: ChatRequest, context: BuildContext): Partial<WireBody> {
  checkToolChoice(
    request,
    request.providerTools.map(({ kind }) => kind),
  );
  const allowed = context.quirks.allowedTools ? undefined : allowedTools(request.toolChoice);
  if (allowed !== undefined) {
    const why = `${context.quirks.vendor} takes no list of names, so only these tools were sent`;
    context.ignored("tool_choice.tool_names", why);
  }
  const tools: WireTool[] = request.tools
    .map((tool, index) => ({ tool, path: `tools[${index}]` }))
    .filter(({ tool }) => allowed === undefined || allowed.has(tool.name))
    .map(({ tool, path }) => callerTool(tool, path, context));
  const provided = providerTools(request.providerTools, context);
  const all = [...tools, ...provided.tools];
  return {
    ...(all.length > 0 && { tools: all }),
    ...(provided.webSearch !== undefined && { web_search_options: provided.webSearch }),
    ...toolChoice(request, context),
  };
}

function callerTool(tool: Tool, path: string, context: BuildContext): WireTool {
  const { vendor } = context.quirks;
  if (tool.deferred !== undefined) context.ignored(`${path}.deferred`, `${vendor} has no search for tools`);
  readProviderOptions(tool.providerOptionsJson, `${path}.provider_options_json`, { kind: KIND, vendor, allowed: [] });
  const eager = eagerField(tool, path, context);
  return tool.freeForm === undefined
    ? withCacheHint({ ...functionTool(tool, path, context), ...eager }, tool.cacheHint, path, context)
    : withCacheHint({ ...customTool(tool, path, context), ...eager }, tool.cacheHint, path, context);
}

function eagerField({ eagerArguments }: Tool, path: string, { quirks, ignored }: BuildContext) {
  if (eagerArguments === undefined) return {};
  if (quirks.eagerArguments) return { eager_input_streaming: eagerArguments };
  ignored(`${path}.eager_arguments`, `${quirks.vendor} streams arguments its own way`);
  return {};
}

const NO_PARAMETERS = '{"type":"object","properties":{}}';

function functionTool(tool: Tool, path: string, { quirks, ignored }: BuildContext) {
  const { name, description, strict } = tool;
  const schema = tool.parametersJson || (quirks.parametersRequired ? NO_PARAMETERS : "");
  const parameters = schema === "" ? undefined : jsonObject(schema, `${path}.parameters_json`);
  const isStrictKnown = !quirks.ignores.includes("tool_strict");
  if (strict !== undefined && !isStrictKnown) ignored(`${path}.strict`, `${quirks.vendor} does not know it`);
  return {
    type: "function" as const,
    function: {
      name,
      ...(description !== undefined && { description }),
      ...(parameters !== undefined && { parameters }),
      ...(strict !== undefined && isStrictKnown && { strict }),
    },
  };
}

function customTool({ name, description, freeForm }: Tool, path: string, context: BuildContext) {
  if (!context.quirks.freeFormTools) {
    throw cannotCarry(context, `${path}.free_form`, "tool with free text", Capability.FREE_FORM_TOOLS);
  }
  const grammar = freeForm?.grammar;
  const format =
    grammar === undefined ? undefined : { type: "grammar" as const, grammar: grammarOf(grammar, `${path}.free_form`) };
  return {
    type: "custom" as const,
    custom: { name, ...(description !== undefined && { description }), ...(format !== undefined && { format }) },
  };
}

function grammarOf({ syntax, definition }: Grammar, path: string): ChatCompletionCustomTool.Custom.Grammar.Grammar {
  if (syntax !== "lark" && syntax !== "regex") throw invalidField(`${path}.grammar.syntax`, "must be lark or regex");
  return { syntax, definition };
}

function providerTools(
  tools: readonly ProviderTool[],
  context: BuildContext,
): { readonly tools: RawJson[]; readonly webSearch?: RawJson } {
  const style = context.quirks.providerTools;
  let webSearch: RawJson | undefined;
  const entries: RawJson[] = [];
  tools.forEach(({ kind, optionsJson }, index) => {
    const path = `provider_tools[${index}]`;
    const options = optionsJson === "" ? "{}" : optionsJson;
    const object = jsonObject(options, `${path}.options_json`);
    if (style === "tools") entries.push(typedTool(kind, options, path));
    else if (style === "web_search_options" && kind === "web_search") webSearch = object;
    else throw cannotCarry(context, path, `provider tool "${kind}"`, Capability.PROVIDER_TOOLS);
  });
  return { tools: entries, ...(webSearch !== undefined && { webSearch }) };
}

/** `{"type": KIND, ...options}`, the options as they are. */
function typedTool(kind: string, options: string, path: string): RawJson {
  const members = jsonMembers(options);
  if (members.has("type")) throw invalidField(`${path}.options_json`, "must not hold a type; the kind is the type");
  return rawJson(joinMembers([["type", JSON.stringify(kind)], ...members]));
}

function toolChoice(request: ChatRequest, { quirks }: BuildContext): { tool_choice?: WireToolChoice } {
  const choice = request.toolChoice;
  if (choice === undefined) return {};
  const { mode, toolNames } = choice;
  const [only = ""] = toolNames;
  if (toolNames.length > 0 && mode !== ToolChoiceMode.NONE) {
    if (isForced(choice)) return { tool_choice: namedChoice(request, only) };
    if (quirks.allowedTools) return { tool_choice: allowedChoice(request, choice) };
  }
  switch (mode) {
    case ToolChoiceMode.AUTO:
      return { tool_choice: "auto" };
    case ToolChoiceMode.NONE:
      return { tool_choice: "none" };
    case ToolChoiceMode.REQUIRED:
      return { tool_choice: quirks.requiredWord };
    default:
      return {};
  }
}

const isFreeForm = ({ tools }: ChatRequest, name: string): boolean =>
  tools.some((tool) => tool.name === name && tool.freeForm !== undefined);

function namedChoice(request: ChatRequest, name: string) {
  return isFreeForm(request, name)
    ? { type: "custom" as const, custom: { name } }
    : { type: "function" as const, function: { name } };
}

function allowedChoice(request: ChatRequest, { mode, toolNames }: ToolChoice): WireToolChoice {
  return {
    type: "allowed_tools",
    allowed_tools: {
      mode: mode === ToolChoiceMode.REQUIRED ? "required" : "auto",
      tools: toolNames.map((name) => ({ ...namedChoice(request, name) })),
    },
  };
}

/** Builds `response_format`. Throws CAPABILITY_MISSING for a form the server does not know; plain text it need not be told. */
export function buildResponseFormat(format: ResponseFormat | undefined, context: BuildContext): Partial<WireBody> {
  const known = context.quirks.responseFormats;
  switch (format?.format.case) {
    case "json":
      if (!known.includes("json_object")) {
        throw cannotCarry(context, "response_format.json", "JSON without a schema", Capability.JSON_MODE);
      }
      return { response_format: { type: "json_object" } };
    case "jsonSchema":
      if (!known.includes("json_schema")) {
        throw cannotCarry(context, "response_format.json_schema", "JSON schema", Capability.JSON_SCHEMA);
      }
      return { response_format: { type: "json_schema", json_schema: jsonSchema(format.format.value) } };
    case "text":
      return known.includes("text") ? { response_format: { type: "text" } } : {};
    default:
      return {};
  }
}

/** The wire demands a name the contract does not; one that was left out is `response`. */
function jsonSchema({ name, description, schemaJson, strict }: JsonSchemaFormat) {
  return {
    name: name === "" ? "response" : name,
    ...(description !== undefined && { description }),
    schema: jsonObject(schemaJson, "response_format.json_schema.schema_json"),
    ...(strict !== undefined && { strict }),
  };
}

function jsonObject(text: string, field: string): RawJson {
  if (!isJsonObjectText(text)) throw invalidField(field, "must be the text of a JSON object");
  return rawJson(text);
}
