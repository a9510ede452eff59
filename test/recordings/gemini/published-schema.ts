import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createFileRegistry, type DescMessage, fromBinary, fromJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { JsonValue } from "../../emulators/exchange.ts";
import { isObject, type JsonObject } from "../shared/json.ts";

const PROTO = fileURLToPath(new URL("../../../../shared/specs/gemini/proto", import.meta.url));
const BUF = fileURLToPath(new URL("../../../node_modules/.bin/buf", import.meta.url));
const REQUEST = "google.ai.generativelanguage.v1beta.GenerateContentRequest";

/** Whether the published protos are on this machine. They are not part of the repository. */
export const hasPublishedSchema = existsSync(PROTO);

/** Fields that are newer than the published protos, by path, each in `Part`, `Tool`, `ToolConfig` ... of googleapis/js-genai (commit 6e9b35c). */
export const NEWER_FIELDS: readonly RegExp[] = [
  /^serviceTier$/,
  /^tools\[\d+\]\.mcpServers$/,
  /^toolConfig\.includeServerSideToolInvocations$/,
  /^toolConfig\.functionCallingConfig\.streamFunctionCallArguments$/,
  /^generationConfig\.thinkingConfig\.thinkingLevel$/,
  /^contents\[\d+\]\.parts\[\d+\]\.(toolCall|toolResponse)$/,
  /^contents\[\d+\]\.parts\[\d+\]\.(executableCode|codeExecutionResult)\.id$/,
];

/** Reads the published type of a request: `buf` builds it from the protos. */
export function loadRequestType(): DescMessage {
  const image = execFileSync(BUF, ["build", PROTO, "--as-file-descriptor-set", "-o", "-#format=binpb"], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const type = createFileRegistry(fromBinary(FileDescriptorSetSchema, image)).getMessage(REQUEST);
  if (type === undefined) throw new Error(`the published protos have no ${REQUEST}`);
  return type;
}

/** What the published type says against a body, fields that it does not know among it; undefined if nothing. `used` is told of newer fields. */
export function complaint(type: DescMessage, body: JsonObject, used: (path: string) => void): string | undefined {
  try {
    fromJson(type, withoutNewer(body, "", used) as Parameters<typeof fromJson>[1]);
    return undefined;
  } catch (error) {
    return String(error);
  }
}

function withoutNewer(value: JsonValue, path: string, used: (path: string) => void): JsonValue {
  if (Array.isArray(value)) return value.map((element, index) => withoutNewer(element, `${path}[${index}]`, used));
  if (!isObject(value)) return value;
  const members = Object.entries(value).flatMap(([key, member]): [string, JsonValue][] => {
    const place = path === "" ? key : `${path}.${key}`;
    const isNewer = NEWER_FIELDS.some((known) => known.test(place));
    if (isNewer) used(place.replaceAll(/\[\d+\]/g, "[]"));
    return isNewer ? [] : [[key, withoutNewer(member, place, used)]];
  });
  return Object.fromEntries(members);
}
