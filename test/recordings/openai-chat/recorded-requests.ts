import type { ProviderSettings } from "../../../src/adapters/adapter.ts";
import { resolveQuirks, vendorOf } from "../../../src/adapters/openai/quirk-settings.ts";
import { buildRequest } from "../../../src/adapters/openai/request.ts";
import { parseChatCompletion } from "../../../src/server/openai/chat-completions.ts";
import type { JsonValue } from "../../emulators/exchange.ts";
import { loadCase, type RecordingRow } from "../../support/recordings.ts";
import { isObject, type JsonObject } from "../shared/json.ts";
import type { BuiltRequest, RecordedSend } from "../shared/recorded-requests.ts";
import type { InstanceSend } from "../shared/recorded-wire.ts";

/**
 * Reads the recorded request of an index row and parses its body as our `/v1/chat/completions` would. `without` names top-level fields that
 * are taken out of the body first. Throws what the parser throws.
 */
export function recordedToRequest(row: RecordingRow, without: readonly string[]): RecordedSend {
  const recorded = loadCase(row).request;
  if (recorded === undefined || !isObject(recorded.body)) throw new Error(`${row.id} has no recorded body`);
  const { host, body } = recorded;
  const inbound = JSON.stringify(Object.fromEntries(Object.entries(body).filter(([key]) => !without.includes(key))));
  const { request } = parseChatCompletion(inbound);
  request.providerOptionsJson = {};
  return { row, body, request, model: request.model, settings: instanceFor(host, body) };
}

/** Sends a request on as far as the adapter's builder. */
export function buildRecorded({ request, model, settings }: InstanceSend): BuiltRequest {
  const { path, body } = buildRequest({ request, model, quirks: resolveQuirks(settings, model) });
  return { path, body: JSON.parse(body) as JsonObject };
}

/**
 * The instance that would have sent a body: the preset of the recorded host, and what an operator sets for an instance and no caller asks
 * for: whether it streams, whether it asks for usage, how the bound of the output is called, and which fields reasoning goes back in.
 */
function instanceFor(host: string, body: JsonObject): ProviderSettings {
  const fields = reasoningFields(body);
  return {
    name: "recorded",
    kind: "openai",
    baseUrl: `https://${host}`,
    headers: {},
    transport: "native",
    timeouts: { connectMs: 10_000, headersMs: 60_000, idleMs: 60_000 },
    models: {},
    quirks: {
      vendor: vendorOf(`https://${host}`),
      stream: body.stream === true,
      stream_usage: isGiven(body.stream_options) ? "stream_options" : "always",
      ...(isGiven(body.max_tokens) && { max_tokens_field: "max_tokens" }),
      ...(isGiven(body.max_completion_tokens) && { max_tokens_field: "max_completion_tokens" }),
      ...(fields.length > 0 && { reasoning_fields: fields }),
    },
  };
}

const isGiven = (value: JsonValue | undefined): boolean => value !== undefined && value !== null;

function reasoningFields({ messages }: JsonObject): string[] {
  const names = ["reasoning_content", "reasoning"];
  const all = Array.isArray(messages) ? messages : [];
  return names.filter((name) => all.some((message) => isObject(message) && isGiven(message[name])));
}
