import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { ChatRequestSchema } from "../../gen/execution/v1/chat_pb.js";
import {
  type ProviderToolSchema,
  type ResponseFormat,
  ResponseFormatSchema,
  ToolChoiceMode,
  ToolChoiceSchema,
  type ToolSchema,
} from "../../gen/execution/v1/tools_pb.js";
import { joinMembers } from "../../json-text.ts";
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
  optional,
  refuse,
  remainingText,
} from "../edge/fields.ts";
import { cacheHint, OWNER } from "./blocks.ts";

type RequestInit = MessageInitShape<typeof ChatRequestSchema>;
type ToolInit = MessageInitShape<typeof ToolSchema>;
type ProviderToolInit = MessageInitShape<typeof ProviderToolSchema>;

/** Fields of a tool the contract does not have. */
const TOOL_OPTIONS: ReadonlySet<string> = new Set(["allowed_callers", "input_examples"]);

/** Reads `tools`: those of the caller, which have no type or `custom`, and the provider's, whose other fields are their options. */
export function readTools(field: Field): { tools: ToolInit[]; providerTools: ProviderToolInit[] } {
  const found = { tools: [] as ToolInit[], providerTools: [] as ProviderToolInit[] };
  for (const entry of asList(field)) {
    const tool = asObject(entry);
    const typeField = tool.take("type");
    const type = typeField === undefined ? "custom" : asName(typeField);
    if (type === "custom") found.tools.push(readTool(tool));
    else found.providerTools.push({ kind: type, optionsJson: remainingText(tool) });
  }
  return found;
}

function readTool(tool: ObjectFields): ToolInit {
  const read = {
    name: asName(tool.need("name")),
    parametersJson: asJsonObject(tool.need("input_schema")),
    ...optional("description", tool.take("description"), asText),
    ...optional("strict", tool.take("strict"), asBoolean),
    ...optional("eagerArguments", tool.take("eager_input_streaming"), asBoolean),
    ...optional("deferred", tool.take("defer_loading"), asBoolean),
    ...cacheHint(tool),
  };
  const options = tool.rest().map(([key, field]): [string, string] => {
    if (!TOOL_OPTIONS.has(key)) refuse(field.path, "is not a field this endpoint knows; leave it out");
    return [key, field.raw()];
  });
  return options.length === 0 ? read : { ...read, providerOptionsJson: { [OWNER]: joinMembers(options) } };
}

const MODES = {
  auto: ToolChoiceMode.AUTO,
  any: ToolChoiceMode.REQUIRED,
  tool: ToolChoiceMode.REQUIRED,
  none: ToolChoiceMode.NONE,
};

/** Reads `tool_choice`, which also says whether several tools may be called at once. */
export function readToolChoice(field: Field): Pick<RequestInit, "toolChoice" | "parallelToolCalls"> {
  const choice = asObject(field);
  const type = choice.need("type");
  const mode = asWord(type, MODES);
  const toolNames = type.value === "tool" ? [asName(choice.need("name"))] : [];
  const disabled = choice.take("disable_parallel_tool_use");
  choice.close();
  return {
    toolChoice: create(ToolChoiceSchema, { mode, toolNames }),
    ...(disabled !== undefined && { parallelToolCalls: !asBoolean(disabled) }),
  };
}

/** Reads the form of the answer, of which the wire knows one. */
export function readOutputFormat(field: Field): ResponseFormat {
  const format = asObject(field);
  asWord(format.need("type"), { json_schema: true });
  const schemaJson = asJsonObject(format.need("schema"));
  format.close();
  return create(ResponseFormatSchema, { format: { case: "jsonSchema", value: { schemaJson } } });
}
