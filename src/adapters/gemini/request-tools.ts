import { Capability } from "../../gen/execution/v1/capabilities_pb.js";
import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import { type ProviderTool, type Tool, type ToolChoice, ToolChoiceMode } from "../../gen/execution/v1/tools_pb.js";
import { encodeJson, type RawJson, rawJson } from "../../json-text.ts";
import { readProviderOptions } from "../provider-options.ts";
import { checkToolChoice, refuseSameNames } from "../tool-choice.ts";
import { type BuildContext, cannotCarry, ignoreCacheHint, jsonObject, VENDOR } from "./request-notes.ts";
import { OPTIONS_KIND } from "./request-options.ts";
import { toOpenApi } from "./request-schema.ts";
import type { WireBody, WireFunction } from "./request-wire.ts";

/** Fields of a function the contract does not have, for its `provider_options_json`: what it answers, and whether it is waited for. */
const TOOL_OPTIONS = { kind: OPTIONS_KIND, vendor: VENDOR, allowed: ["behavior", "response", "responseJsonSchema"] };

/** Builds the fields of a body that are about tools: those the provider runs, one entry a kind, then the caller's functions in one entry. */
export function buildTools(request: ChatRequest, context: BuildContext): Pick<WireBody, "tools" | "toolConfig"> {
  const { toolChoice: choice, parallelToolCalls } = request;
  if (parallelToolCalls !== undefined) {
    context.ignored("parallel_tool_calls", `${VENDOR} decides itself how many functions it calls at once`);
  }
  refuseSameNames(request);
  const hasServers = request.providerTools.some(({ kind }) => /^mcp_?servers$/i.test(kind));
  checkToolChoice(request, hasServers ? undefined : []);
  const sent = sentTools(request, context);
  const functions = sent.map(({ tool, path }) => functionOf(tool, path, context));
  const provided = providerTools(request.providerTools, context);
  const tools = [...provided, ...(functions.length > 0 ? [{ functionDeclarations: functions }] : [])];
  const calling = {
    ...modeOf(choice, request.tools, context),
    ...(streamsArguments(request.tools, context) && { streamFunctionCallArguments: true }),
  };
  const needsServerCalls = context.quirks.serverToolCalls && provided.length > 0 && functions.length > 0;
  const config = {
    ...(Object.keys(calling).length > 0 && { functionCallingConfig: calling }),
    ...(needsServerCalls && { includeServerSideToolInvocations: true }),
  };
  return {
    ...(tools.length > 0 && { tools }),
    ...(Object.keys(config).length > 0 && { toolConfig: config }),
  };
}

interface SentTool {
  readonly tool: Tool;
  readonly path: string;
}

/** All tools; only the allowed ones where the wire cannot be told that text is an answer too. */
function sentTools({ tools, toolChoice: choice }: ChatRequest, { quirks, changed }: BuildContext): readonly SentTool[] {
  const all = tools.map((tool, index) => ({ tool, path: `tools[${index}]` }));
  if (choice === undefined || choice.toolNames.length === 0 || choice.mode === ToolChoiceMode.NONE) return all;
  if (choice.mode === ToolChoiceMode.REQUIRED || quirks.validatedMode) return all;
  changed("tool_choice.tool_names", "this model takes names only where it must call, so only these tools were sent");
  return all.filter(({ tool }) => choice.toolNames.includes(tool.name));
}

function functionOf(tool: Tool, path: string, context: BuildContext): WireFunction {
  const { name, description, parametersJson, freeForm, deferred, providerOptionsJson } = tool;
  if (freeForm !== undefined) {
    throw cannotCarry(`${path}.free_form`, "tool with free text", Capability.FREE_FORM_TOOLS);
  }
  ignoreCacheHint(tool, path, context);
  if (deferred !== undefined) context.ignored(`${path}.deferred`, `${VENDOR} has no search for tools`);
  return {
    name,
    ...(description !== undefined && { description }),
    ...(parametersJson !== "" && parameters(parametersJson, `${path}.parameters_json`, context)),
    ...readProviderOptions(providerOptionsJson, `${path}.provider_options_json`, TOOL_OPTIONS),
  };
}

function parameters(text: string, path: string, context: BuildContext): Partial<WireFunction> {
  const schema = jsonObject(text, path);
  return context.quirks.schemas === "openapi"
    ? { parameters: toOpenApi(text, path, context) }
    : { parametersJsonSchema: schema };
}

function providerTools(tools: readonly ProviderTool[], { quirks }: BuildContext): readonly RawJson[] {
  const entries = new Map<string, string[]>();
  for (const [index, { kind, optionsJson }] of tools.entries()) {
    const path = `provider_tools[${index}]`;
    const word = kind.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (!quirks.providerTools.includes(word)) {
      throw cannotCarry(path, `provider tool "${kind}"`, Capability.PROVIDER_TOOLS);
    }
    const options = encodeJson(jsonObject(optionsJson || "{}", `${path}.options_json`));
    entries.set(word, [...(entries.get(word) ?? []), options]);
  }
  // Servers of functions are listed; of every other kind there is one, and the last counts.
  return [...entries].map(([word, options]) =>
    rawJson(`{${JSON.stringify(word)}:${word === "mcpServers" ? `[${options.join(",")}]` : (options.at(-1) ?? "{}")}}`),
  );
}

function modeOf(
  choice: ToolChoice | undefined,
  tools: readonly Tool[],
  context: BuildContext,
): { mode?: string; allowedFunctionNames?: readonly string[] } {
  const { validatedMode } = context.quirks;
  const mode = choice?.mode ?? ToolChoiceMode.UNSPECIFIED;
  const names = choice?.toolNames ?? [];
  const isStrict = validates(tools, mode, context);
  if (mode === ToolChoiceMode.NONE) return { mode: "NONE" };
  if (mode === ToolChoiceMode.REQUIRED) {
    return { mode: "ANY", ...(names.length > 0 && { allowedFunctionNames: names }) };
  }
  if (names.length > 0 && validatedMode) return { mode: "VALIDATED", allowedFunctionNames: names };
  if (isStrict) return { mode: "VALIDATED" };
  return mode === ToolChoiceMode.AUTO ? { mode: "AUTO" } : {};
}

/**
 * Whether every tool is to be held to its schema, which the wire can be told for all of them only. A model that must call is held to them anyhow.
 * Warns where a tool's wish cannot be met.
 */
function validates(tools: readonly Tool[], mode: ToolChoiceMode, { quirks, ignored }: BuildContext): boolean {
  if (mode === ToolChoiceMode.REQUIRED || mode === ToolChoiceMode.NONE) return false;
  const isStrict = tools.length > 0 && tools.every(({ strict }) => strict === true);
  if (isStrict && quirks.validatedMode) return true;
  for (const [index, { strict }] of tools.entries()) {
    if (strict === true) ignored(`tools[${index}].strict`, `${VENDOR} holds all tools to their schemas or none`);
  }
  return false;
}

function streamsArguments(tools: readonly Tool[], { quirks, ignored }: BuildContext): boolean {
  const wishes = tools.flatMap(({ eagerArguments }, index) =>
    eagerArguments === undefined ? [] : [{ eagerArguments, path: `tools[${index}].eager_arguments` }],
  );
  const isWanted = wishes.some(({ eagerArguments }) => eagerArguments);
  const isDone = isWanted && quirks.streamArguments;
  for (const { eagerArguments, path } of wishes) {
    if (eagerArguments !== isDone) ignored(path, `${VENDOR} streams the arguments of all functions or of none`);
  }
  return isDone;
}
