import { resolveQuirks } from "../../../src/adapters/anthropic/quirk-settings.ts";
import { buildRequest } from "../../../src/adapters/anthropic/request.ts";
import { parseMessages } from "../../../src/server/anthropic/messages-request.ts";
import { anthropicSettings } from "../../adapters/anthropic/rig.ts";
import { loadCase, type RecordingRow } from "../../support/recordings.ts";
import { isObject, type JsonObject } from "../shared/json.ts";
import type { BuiltRequest, RecordedSend } from "../shared/recorded-requests.ts";
import type { InstanceSend } from "../shared/recorded-wire.ts";

/**
 * Reads the recorded request of an index row and parses its body as our `/v1/messages` would. `without` names top-level fields that are taken
 * out of the body first. Throws what the parser throws. Whether the instance streams is what an operator sets and no caller asks for.
 */
export function recordedToRequest(row: RecordingRow, without: readonly string[]): RecordedSend {
  const body = loadCase(row).request?.body;
  if (!isObject(body)) throw new Error(`${row.id} has no recorded body`);
  const inbound = JSON.stringify(Object.fromEntries(Object.entries(body).filter(([key]) => !without.includes(key))));
  const { request } = parseMessages(inbound);
  const settings = anthropicSettings("https://api.anthropic.com", { quirks: { stream: body.stream === true } });
  return { row, body, request, model: request.model, settings };
}

/** Sends a request on as far as the adapter's builder. */
export function buildRecorded({ request, model, settings }: InstanceSend): BuiltRequest {
  const { path, body } = buildRequest({ request, model, quirks: resolveQuirks(settings, model) });
  return { path, body: JSON.parse(body) as JsonObject };
}
