import { Modality, ReasoningEffort, ReasoningSummary } from "../../../src/gen/execution/v1/chat_pb.js";
import { ToolChoiceMode } from "../../../src/gen/execution/v1/tools_pb.js";
import type { JsonValue } from "../../emulators/exchange.ts";
import { isObject, type JsonObject } from "../shared/json.ts";
import { memberAt, objectsAt, snakeCase, textAt } from "./wire-contents.ts";

const EFFORTS: Readonly<Record<string, ReasoningEffort>> = {
  MINIMAL: ReasoningEffort.MINIMAL,
  LOW: ReasoningEffort.LOW,
  MEDIUM: ReasoningEffort.MEDIUM,
  HIGH: ReasoningEffort.HIGH,
};
const MODES: Readonly<Record<string, ToolChoiceMode>> = {
  AUTO: ToolChoiceMode.AUTO,
  ANY: ToolChoiceMode.REQUIRED,
  NONE: ToolChoiceMode.NONE,
};
const MODALITIES: Readonly<Record<string, Modality>> = {
  TEXT: Modality.TEXT,
  IMAGE: Modality.IMAGE,
  AUDIO: Modality.AUDIO,
};

/** The `generationConfig` of a recorded body, as far as the recordings go. */
export function configFields(config: JsonObject) {
  const temperature = config.temperature;
  const maxOutputTokens = memberAt(config, "maxOutputTokens");
  const schema = memberAt(config, "responseJsonSchema") ?? memberAt(config, "responseSchema");
  const modalities = memberAt(config, "responseModalities");
  const sampling = {
    ...(typeof temperature === "number" && { temperature }),
    ...(typeof maxOutputTokens === "number" && { maxOutputTokens }),
  };
  return {
    ...(Object.keys(sampling).length > 0 && { sampling }),
    ...(Array.isArray(modalities) && { modalities: modalities.flatMap((word) => MODALITIES[String(word)] ?? []) }),
    ...(isObject(schema) && {
      responseFormat: { format: { case: "jsonSchema" as const, value: { schemaJson: JSON.stringify(schema) } } },
    }),
    ...thinkingFields(memberAt(config, "thinkingConfig")),
  };
}

function thinkingFields(thinking: JsonValue | undefined) {
  if (!isObject(thinking)) return {};
  const shown = memberAt(thinking, "includeThoughts");
  const effort = EFFORTS[textAt(thinking, "thinkingLevel").toUpperCase()];
  return {
    reasoning: {
      ...(shown !== undefined && { summary: shown === true ? ReasoningSummary.AUTO : ReasoningSummary.NONE }),
      ...(effort !== undefined && { effort }),
    },
  };
}

/** The tools of a recorded body, and how they may be called. */
export function toolFields(body: JsonObject) {
  const entries = objectsAt(body, "tools");
  const config = memberAt(body, "toolConfig");
  const calling = isObject(config) ? memberAt(config, "functionCallingConfig") : undefined;
  const isStreamed = isObject(calling) && calling.streamFunctionCallArguments === true;
  const tools = entries.flatMap((entry) => objectsAt(entry, "functionDeclarations"));
  const providerTools = entries.flatMap((entry) => {
    const kinds = Object.keys(entry).filter((key) => key !== "functionDeclarations" && key !== "function_declarations");
    return kinds.flatMap((kind) => {
      const options = Array.isArray(entry[kind]) ? objectsAt(entry, kind) : [entry[kind] ?? {}];
      return options.map((option) => ({ kind: snakeCase(kind), optionsJson: JSON.stringify(option) }));
    });
  });
  return {
    tools: tools.map((tool) => {
      const schema = memberAt(tool, "parametersJsonSchema") ?? tool.parameters;
      return {
        name: textAt(tool, "name"),
        ...(typeof tool.description === "string" && { description: tool.description }),
        parametersJson: schema === undefined ? "" : JSON.stringify(schema),
        ...(isStreamed && { eagerArguments: true }),
        providerOptionsJson: answerSchema(tool),
      };
    }),
    providerTools,
    ...(isObject(calling) && choiceFields(calling)),
  };
}

/** What a function answers, for which the contract has no field. */
function answerSchema(tool: JsonObject): Record<string, string> {
  const schema = memberAt(tool, "responseJsonSchema");
  return schema === undefined ? {} : { gemini: JSON.stringify({ responseJsonSchema: schema }) };
}

function choiceFields(calling: JsonObject) {
  const mode = MODES[textAt(calling, "mode")];
  const names = memberAt(calling, "allowedFunctionNames");
  if (mode === undefined) return {};
  return { toolChoice: { mode, toolNames: Array.isArray(names) ? names.map(String) : [] } };
}
