import { types } from "node:util";
import { type DescMessage, fromBinary, fromJson, type JsonValue, type Message } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { isInCalendar } from "../calendar.ts";
import { cutText } from "../contract/error-details.ts";
import { ExecutionError } from "../errors.ts";
import { findJsonFault } from "./json-fault.ts";
import { createJsonScan, type Scan } from "./scan.ts";
import { createBinaryScan } from "./scan-binary.ts";

/** How a request's message is encoded. */
export type MessageFormat = "binary" | "json";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Creates the check of a request's body, piece by piece as it comes. */
export function createScan(schema: DescMessage, format: MessageFormat): Scan {
  return format === "json" ? createJsonScan() : createBinaryScan(schema);
}

/** Decodes a serialized request that was scanned. Throws INVALID_FIELD. */
export function decodeBinary(schema: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(schema, bytes);
  } catch (thrown) {
    const words = types.isNativeError(thrown) ? thrown.message : String(thrown);
    throw undecodable(schema, "protobuf", "", cutText(words, 300));
  }
}

/**
 * Reads parsed JSON as a request in canonical ProtoJSON; a field the contract does not have is refused, since ignoring it would drop what the
 * caller asked for. Throws INVALID_FIELD with the path of what is wrong and what has to be there: the decoder quotes the value it cannot read, and
 * a value may be of a prompt; so nothing of its words is passed on.
 */
export function decodeJson(schema: DescMessage, json: JsonValue): Message {
  refuseOutsideCalendar(schema, json);
  try {
    return fromJson(schema, json);
  } catch {
    const { field, description } = findJsonFault(schema, json) ?? { field: "", description: "cannot be read" };
    throw undecodable(schema, "canonical ProtoJSON", field, description);
  }
}

/** The decoder takes a day that is in no calendar for another one. Requests have times at their top, or in the request of another RPC that is theirs. */
function refuseOutsideCalendar(schema: DescMessage, json: JsonValue, path = ""): void {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return;
  for (const { message, name, jsonName, fieldKind } of schema.fields) {
    const value = message === undefined ? undefined : (json[name] ?? json[jsonName]);
    if (message === undefined || value === undefined) continue;
    if (message.typeName !== TimestampSchema.typeName) {
      if (fieldKind === "message" && path === "") refuseOutsideCalendar(message, value, `${name}.`);
    } else if (typeof value === "string" && !isInCalendar(value)) {
      const description = "names a day or an hour that is in no calendar";
      throw undecodable(schema, "canonical ProtoJSON", `${path}${name}`, description);
    }
  }
}

/** Reads a body as text. Throws INVALID_FIELD if it is not UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (thrown) {
    throw invalidBody("the body is not UTF-8", thrown);
  }
}

/** Parses the text of a JSON body that was scanned. Throws INVALID_FIELD if it is not JSON. */
export function parseJson(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (thrown) {
    throw invalidBody("the body is not JSON", thrown);
  }
}

/** INVALID_FIELD about the body as a whole. */
export function invalidBody(description: string, cause?: unknown): ExecutionError {
  return new ExecutionError("INVALID_FIELD", description, { fields: [{ field: "", description }], cause });
}

function undecodable(schema: DescMessage, form: string, field: string, description: string): ExecutionError {
  const what = field === "" ? description : `${field} ${description}`;
  return new ExecutionError("INVALID_FIELD", `the message is not ${schema.typeName} in ${form}: ${what}`, {
    fields: [{ field, description }],
  });
}
