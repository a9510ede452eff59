import { type ChatRequest, Modality } from "../../gen/execution/v1/chat_pb.js";
import { type Message, MessageRole, type Part } from "../../gen/execution/v1/content_pb.js";
import { type Tool, type ToolChoice, ToolChoiceMode } from "../../gen/execution/v1/tools_pb.js";
import { tryParse } from "../json.ts";
import { mediaSteps } from "./answer-media.ts";
import { unreadableError } from "./errors.ts";
import { wantsReasoning } from "./limits.ts";
import { type JsonValue, sampleOfSchema } from "./schema-sample.ts";
import type { EventStep, Script, ScriptedToolCall } from "./script.ts";
import { countTokens, splitPieces } from "./tokens.ts";

/** Characters of the caller's own text that an answer repeats. */
const EXCERPT_CHARACTERS = 200;

/** Characters of the user's last text that are searched for the names of tools. */
const MENTION_CHARACTERS = 4_000;

/** What an absent tool choice means. */
const UNRESTRICTED: Pick<ToolChoice, "mode" | "toolNames"> = { mode: ToolChoiceMode.UNSPECIFIED, toolNames: [] };

/**
 * The answer to a request that brings no script, made from nothing but the request: reasoning where it is asked for, a run of the first tool
 * the provider is to run, then tool calls, or text (an echo, a word about tool results, a JSON document ...), cut by stop texts and the output
 * limit. Throws INVALID_FIELD where it needs a schema that is not JSON.
 */
export function defaultAnswer(request: ChatRequest): Script {
  const limit = { tokens: request.sampling?.maxOutputTokens ?? Number.POSITIVE_INFINITY };
  const thought = cutToLimit(reasoningPieces(request), limit);
  const before: EventStep[] = [
    ...(thought.pieces.length > 0 ? [{ reasoning: thought.pieces }] : []),
    ...providerToolSteps(request),
  ];
  if (thought.cut) return [...before, { finish: { reason: "LENGTH" } }];
  const calls = chooseTools(request).map(callOf);
  if (calls.length > 0) return [...before, { tool_calls: calls }];
  const whole = answerText(request);
  const stopAt = findStop(whole, request.sampling?.stop ?? []);
  const text = cutToLimit(splitPieces(whole.slice(0, stopAt)), limit);
  const answer = [...before, ...textSteps(text.pieces, request), ...mediaSteps(text.pieces, request)];
  if (text.cut) return [...answer, { finish: { reason: "LENGTH" } }];
  return stopAt === undefined ? answer : [...answer, { finish: { reason: "STOP_SEQUENCE" } }];
}

function reasoningPieces(request: ChatRequest): readonly string[] {
  if (!wantsReasoning(request)) return [];
  const subject = excerpt(lastUserText(request)) || "an answer";
  return splitPieces(`Let me think about this: ${subject}`).slice(0, request.reasoning?.tokenBudget);
}

function answersTools({ messages }: ChatRequest): boolean {
  return messages.at(-1)?.role === MessageRole.TOOL;
}

function providerToolSteps(request: ChatRequest): readonly EventStep[] {
  const [tool] = request.providerTools;
  if (tool === undefined || request.toolChoice?.mode === ToolChoiceMode.NONE || answersTools(request)) return [];
  const id = `mock_${tool.kind}_${request.messages.length}`;
  const query = JSON.stringify({ query: excerpt(lastUserText(request)) });
  return [
    { tool_call: { id, name: tool.kind, arguments: splitPieces(query), executor: "PROVIDER" } },
    { tool_result: { id, text: `The mock ran ${tool.kind}.` } },
  ];
}

/** After a tool result none. Where a call is required the first tool allowed; else those whose name is a word of the user's last text. */
function chooseTools(request: ChatRequest): readonly { readonly tool: Tool; readonly index: number }[] {
  const { mode, toolNames } = request.toolChoice ?? UNRESTRICTED;
  if (mode === ToolChoiceMode.NONE || answersTools(request)) return [];
  const allowed = request.tools
    .map((tool, index) => ({ tool, index }))
    .filter(({ tool }) => toolNames.length === 0 || toolNames.includes(tool.name));
  if (mode === ToolChoiceMode.REQUIRED) return allowed.slice(0, 1);
  const text = lastUserText(request).slice(0, MENTION_CHARACTERS);
  const words = new Set(
    (text.match(/[A-Za-z0-9_.:/-]+/g) ?? []).flatMap((word) => [word, word.replace(/[.:/-]+$/, "")]),
  );
  const named = allowed.filter(({ tool }) => words.has(tool.name));
  return request.parallelToolCalls === false ? named.slice(0, 1) : named;
}

function callOf({ tool, index }: { readonly tool: Tool; readonly index: number }): ScriptedToolCall {
  if (tool.freeForm !== undefined) return { name: tool.name, arguments: ["mock ", "input"], free_form: true };
  const schema = tool.parametersJson === "" ? {} : readSchema(tool.parametersJson, `tools[${index}].parameters_json`);
  return { name: tool.name, arguments: splitPieces(JSON.stringify(sampleOfSchema(schema))) };
}

function answerText(request: ChatRequest): string {
  const last = request.messages.at(-1);
  const format = request.responseFormat?.format;
  if (format?.case === "jsonSchema") {
    return JSON.stringify(
      sampleOfSchema(readSchema(format.value.schemaJson, "response_format.json_schema.schema_json")),
    );
  }
  const text = plainText(request, last);
  return format?.case === "json" ? JSON.stringify({ answer: text }) : text;
}

function plainText(request: ChatRequest, last: Message | undefined): string {
  if (last !== undefined && answersTools(request))
    return last.parts.flatMap((part) => toolWords(part, request)).join("\n");
  if (last?.role === MessageRole.ASSISTANT && last.prefix) return " and so the mock goes on.";
  const said = excerpt(lastUserText(request));
  const attachments = attachmentWords(request);
  const got = attachments === "" ? "" : ` I also got ${attachments}.`;
  return said === "" ? `Hello from the mock! Ask me anything.${got}` : `Hello from the mock! You said: ${said}${got}`;
}

function toolWords({ kind }: Part, { messages }: ChatRequest): readonly string[] {
  if (kind.case !== "toolResult") return [];
  const { toolCallId, parts, isError } = kind.value;
  const call = messages
    .flatMap((message) => message.parts)
    .find((part) => part.kind.case === "toolCall" && part.kind.value.id === toolCallId);
  const name = kind.value.name || (call?.kind.case === "toolCall" ? call.kind.value.name : toolCallId);
  return [`The tool ${name} ${isError ? "failed" : "says"}: ${excerpt(textOf(parts))}`];
}

function attachmentWords({ messages }: ChatRequest): string {
  const parts = messages.findLast(({ role }) => role === MessageRole.USER)?.parts ?? [];
  const kinds = [
    ["image", "image"],
    ["document", "document"],
    ["audio", "sound"],
    ["providerFile", "file"],
  ] as const;
  return kinds
    .map(([kind, word]) => ({ word, count: parts.filter((part) => part.kind.case === kind).length }))
    .filter(({ count }) => count > 0)
    .map(({ word, count }) => `${count} ${word}${count === 1 ? "" : "s"}`)
    .join(", ");
}

function textSteps(pieces: readonly string[], request: ChatRequest): readonly EventStep[] {
  const textWanted = request.modalities.length === 0 || request.modalities.includes(Modality.TEXT);
  if (!textWanted || pieces.length === 0) return [];
  if (request.sampling?.logprobs !== true) return [{ text: pieces }];
  const others = request.sampling.topLogprobs ?? 0;
  return pieces.flatMap((token): EventStep[] => {
    const top = Array.from({ length: others }, (_, rank) => ({
      token: rank === 0 ? token : `${token}~${rank}`,
      logprob: -0.25 * (rank + 1),
    }));
    return [{ text: [token] }, { logprobs: [{ token, logprob: -0.25, top }] }];
  });
}

/** Takes pieces while the limit has tokens for them. */
function cutToLimit(
  pieces: readonly string[],
  limit: { tokens: number },
): { readonly pieces: readonly string[]; readonly cut: boolean } {
  const kept: string[] = [];
  for (const piece of pieces) {
    limit.tokens -= countTokens(piece);
    if (limit.tokens < 0) return { pieces: kept, cut: true };
    kept.push(piece);
  }
  return { pieces: kept, cut: false };
}

function findStop(text: string, stops: readonly string[]): number | undefined {
  const found = stops.map((stop) => text.indexOf(stop)).filter((index) => index >= 0);
  return found.length === 0 ? undefined : Math.min(...found);
}

function lastUserText({ messages }: ChatRequest): string {
  return textOf(messages.findLast(({ role }) => role === MessageRole.USER)?.parts ?? []);
}

function textOf(parts: readonly Part[]): string {
  return parts.flatMap(({ kind }) => (kind.case === "text" ? [kind.value.text] : [])).join("\n");
}

function excerpt(text: string): string {
  const characters = [...text.trim().slice(0, 2 * EXCERPT_CHARACTERS + 2)];
  return characters.length <= EXCERPT_CHARACTERS
    ? characters.join("")
    : `${characters.slice(0, EXCERPT_CHARACTERS).join("")}...`;
}

function readSchema(text: string, field: string): JsonValue {
  const schema = tryParse(text);
  if (schema === undefined) throw unreadableError(field);
  return schema as JsonValue;
}
