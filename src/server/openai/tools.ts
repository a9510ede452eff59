import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type ProviderToolSchema,
  type ResponseFormat,
  ResponseFormatSchema,
  type ToolChoice,
  ToolChoiceMode,
  ToolChoiceSchema,
  type ToolSchema,
} from "../../gen/execution/v1/tools_pb.js";
import {
  asBoolean,
  asJsonObject,
  asList,
  asName,
  asObject,
  asText,
  asWord,
  type Field,
  type ObjectFields,
  remainingText,
} from "../edge/fields.ts";
import { readCacheHint } from "./parts.ts";

type ToolInit = MessageInitShape<typeof ToolSchema>;
type ProviderToolInit = MessageInitShape<typeof ProviderToolSchema>;

/** The tools of a body, apart by who runs them. */
export interface Tools {
  readonly tools: ToolInit[];
  readonly providerTools: ProviderToolInit[];
}

/**
 * Reads `tools` and `web_search_options`. An entry without a type is a function (Mistral's default); one of a type that is neither `function`
 * nor `custom` is a tool the provider runs, its other fields being its options.
 */
export function readTools(field: Field | undefined, webSearch: Field | undefined): Tools {
  const found: Tools = { tools: [], providerTools: [] };
  for (const entry of field === undefined ? [] : asList(field)) {
    const tool = asObject(entry);
    const typeField = tool.take("type");
    const type = typeField === undefined ? "function" : asName(typeField);
    if (type === "function") found.tools.push(functionTool(tool));
    else if (type === "custom") found.tools.push(customTool(tool));
    else found.providerTools.push({ kind: type, optionsJson: remainingText(tool) });
  }
  if (webSearch !== undefined) found.providerTools.push({ kind: "web_search", optionsJson: asJsonObject(webSearch) });
  return found;
}

function readEager(tool: ObjectFields): { eagerArguments?: boolean } {
  const eager = tool.take("eager_input_streaming");
  return eager === undefined ? {} : { eagerArguments: asBoolean(eager) };
}

function functionTool(tool: ObjectFields): ToolInit {
  const fields = asObject(tool.need("function"));
  const name = asName(fields.need("name"));
  const description = fields.take("description");
  const parameters = fields.take("parameters");
  const strict = fields.take("strict");
  fields.close();
  const more = { ...readCacheHint(tool), ...readEager(tool) };
  tool.close();
  return {
    name,
    ...(description !== undefined && { description: asText(description) }),
    ...(parameters !== undefined && { parametersJson: asJsonObject(parameters) }),
    ...(strict !== undefined && { strict: asBoolean(strict) }),
    ...more,
  };
}

function customTool(tool: ObjectFields): ToolInit {
  const fields = asObject(tool.need("custom"));
  const name = asName(fields.need("name"));
  const description = fields.take("description");
  const format = fields.take("format");
  fields.close();
  const more = { ...readCacheHint(tool), ...readEager(tool) };
  tool.close();
  return {
    name,
    ...(description !== undefined && { description: asText(description) }),
    freeForm: format === undefined ? {} : customFormat(format),
    ...more,
  };
}

function customFormat(field: Field): NonNullable<ToolInit["freeForm"]> {
  const format = asObject(field);
  const hasGrammar = asWord(format.need("type"), { text: "text", grammar: "grammar" }) === "grammar";
  const grammar = hasGrammar ? asObject(format.need("grammar")) : undefined;
  format.close();
  if (grammar === undefined) return {};
  const syntax = asName(grammar.need("syntax"));
  const definition = asName(grammar.need("definition"));
  grammar.close();
  return { grammar: { syntax, definition } };
}

/** `any` is Mistral's older word for `required`. */
const MODES = {
  auto: ToolChoiceMode.AUTO,
  none: ToolChoiceMode.NONE,
  required: ToolChoiceMode.REQUIRED,
  any: ToolChoiceMode.REQUIRED,
};

/** Reads `tool_choice`: a word, one named tool, or a list of allowed ones. */
export function readToolChoice(field: Field): ToolChoice {
  if (typeof field.value === "string") return create(ToolChoiceSchema, { mode: asWord(field, MODES) });
  const choice = asObject(field);
  const type = choice.take("type");
  if (type !== undefined && type.value === "allowed_tools") return allowedTools(choice);
  const toolNames = [toolName(choice, type)];
  return create(ToolChoiceSchema, { mode: ToolChoiceMode.REQUIRED, toolNames });
}

function allowedTools(choice: ObjectFields): ToolChoice {
  const allowed = asObject(choice.need("allowed_tools"));
  choice.close();
  const mode = asWord(allowed.need("mode"), { auto: ToolChoiceMode.AUTO, required: ToolChoiceMode.REQUIRED });
  const toolNames = asList(allowed.need("tools")).map((entry) => {
    const tool = asObject(entry);
    return toolName(tool, tool.take("type"));
  });
  allowed.close();
  return create(ToolChoiceSchema, { mode, toolNames });
}

/** The name in `{type: "function", function: {name}}` or `{type: "custom", custom: {name}}`. */
function toolName(tool: ObjectFields, type: Field | undefined): string {
  const kind = type === undefined ? "function" : asWord(type, { function: "function", custom: "custom" });
  const fields = asObject(tool.need(kind));
  tool.close();
  const name = asName(fields.need("name"));
  fields.close();
  return name;
}

/** Reads `response_format`. */
export function readResponseFormat(field: Field): ResponseFormat {
  const format = asObject(field);
  const type = asWord(format.need("type"), { text: "text", json_object: "json", json_schema: "jsonSchema" } as const);
  const schema = type === "jsonSchema" ? jsonSchema(asObject(format.need("json_schema"))) : undefined;
  // Clients of Mistral write the unused member as null; anything else beside the type is a mistake.
  format.close();
  if (schema !== undefined) return create(ResponseFormatSchema, { format: { case: "jsonSchema", value: schema } });
  return create(ResponseFormatSchema, { format: { case: type === "json" ? "json" : "text", value: {} } });
}

function jsonSchema(fields: ObjectFields) {
  const name = asName(fields.need("name"));
  const schemaJson = asJsonObject(fields.need("schema"));
  const description = fields.take("description");
  const strict = fields.take("strict");
  fields.close();
  return {
    name,
    schemaJson,
    ...(description !== undefined && { description: asText(description) }),
    ...(strict !== undefined && { strict: asBoolean(strict) }),
  };
}
