import { create } from "@bufbuild/protobuf";
import type { ProviderSettings } from "../../../src/adapters/adapter.ts";
import { resolveQuirks } from "../../../src/adapters/gemini/quirk-settings.ts";
import { buildRequest } from "../../../src/adapters/gemini/request.ts";
import { ChatRequestSchema } from "../../../src/gen/execution/v1/chat_pb.js";
import { type Message, MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
import { validateMessage } from "../../../src/server/validate.ts";
import { geminiSettings } from "../../adapters/gemini/rig.ts";
import { userRequest } from "../../adapters/openai/rig.ts";
import { loadCase, type RecordingRow } from "../../support/recordings.ts";
import { isObject, type JsonObject } from "../shared/json.ts";
import type { BuiltRequest, RecordedSend } from "../shared/recorded-requests.ts";
import type { InstanceSend } from "../shared/recorded-wire.ts";
import { REQUEST_EXCEPTIONS } from "./request-exceptions.ts";
import { configFields, toolFields } from "./wire-config.ts";
import { contentsToMessages, memberAt, objectsAt, textAt } from "./wire-contents.ts";

/**
 * Reads the recorded request of an index row into the contract: what a caller of ours would have sent. `without` names top-level fields that are
 * taken out of the body first. Throws INVALID_FIELD for what the contract's rules refuse.
 */
export function recordedToRequest(row: RecordingRow, without: readonly string[]): RecordedSend {
  const recorded = loadCase(row).request;
  if (recorded === undefined || !isObject(recorded.body)) throw new Error(`${row.id} has no recorded body`);
  const body = recorded.body;
  const inbound = Object.fromEntries(Object.entries(body).filter(([key]) => !without.includes(key)));
  const instructions = memberAt(inbound, "systemInstruction");
  const options = optionsOf(inbound);
  const request = create(ChatRequestSchema, {
    messages: [
      ...(isObject(instructions) ? contentsToMessages([instructions]).map(asInstruction) : []),
      ...contentsToMessages(objectsAt(inbound, "contents")),
    ],
    ...toolFields(inbound),
    ...configFields(objectAt(inbound, "generationConfig")),
    safetySettings: objectsAt(inbound, "safetySettings").map((setting) => ({
      category: textAt(setting, "category"),
      threshold: textAt(setting, "threshold"),
    })),
    providerOptionsJson: options === "{}" ? {} : { gemini: options },
  });
  validateMessage(ChatRequestSchema, request);
  const model = /models\/([^:/]+):/.exec(recorded.path)?.[1] ?? "";
  return { row, body, request, model, settings: instanceFor(row, body) };
}

/** The recorded request, or where none was recorded, or the contract refuses it, a plain one, for an instance that reads as it was recorded. */
export function sendOf(row: RecordingRow): InstanceSend {
  const isRefused = REQUEST_EXCEPTIONS.some(({ id, refused }) => id === row.id && refused !== undefined);
  if (row.requestRecorded && !isRefused) return recordedToRequest(row, []);
  return { request: userRequest("Hi"), model: "any", settings: instanceFor(row, {}) };
}

/** Sends a request on as far as the adapter's builder. */
export function buildRecorded({ request, model, settings }: InstanceSend): BuiltRequest {
  const { path, query, body } = buildRequest({ request, model, quirks: resolveQuirks(settings, model) });
  const search = new URLSearchParams(query).toString();
  return { path: search === "" ? path : `${path}?${search}`, body: JSON.parse(body) as JsonObject };
}

/** What an operator sets for an instance and no caller asks for: surface, framing, and which form of schema is sent. */
function instanceFor({ provider, api, tags }: RecordingRow, body: JsonObject): ProviderSettings {
  const text = JSON.stringify(body);
  const isOpenApi = /"(parameters|responseSchema|response_schema)":/.test(text);
  return geminiSettings("http://provider.invalid", {
    quirks: {
      surface: provider === "vertex" ? "vertex" : "gemini_api",
      stream: api === "gemini-stream",
      stream_framing: tags.includes("json_array_stream") ? "array" : "events",
      schemas: isOpenApi ? "openapi" : "json_schema",
    },
  });
}

const asInstruction = (message: Message): Message => ({ ...message, role: MessageRole.SYSTEM });

function objectAt(body: JsonObject, name: string): JsonObject {
  const value = memberAt(body, name);
  return isObject(value) ? value : {};
}

/** What the contract has no field for and the recordings use. */
function optionsOf(body: JsonObject): string {
  const serverCalls = memberAt(objectAt(body, "toolConfig"), "includeServerSideToolInvocations");
  return JSON.stringify({
    ...(typeof body.cachedContent === "string" && { cachedContent: body.cachedContent }),
    ...(serverCalls !== undefined && { toolConfig: { includeServerSideToolInvocations: serverCalls } }),
  });
}
