import { types } from "node:util";
import { type DescMessage, fromBinary, fromJson, type JsonValue, type Message } from "@bufbuild/protobuf";
import { cutText } from "../contract/error-details.ts";
import { ExecutionError } from "../errors.ts";
import { scanJson } from "./scan.ts";
import { scanBinary } from "./scan-binary.ts";

/** How a request's message is encoded. */
export type MessageFormat = "binary" | "json";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Decodes a request. JSON is canonical ProtoJSON; a field the contract does not have is refused, since ignoring it would drop what the caller
 * asked for. Throws INVALID_FIELD, and MESSAGE_TOO_LARGE for a message with too much in it.
 */
export function decodeMessage(schema: DescMessage, bytes: Uint8Array, format: MessageFormat): Message {
  try {
    if (format === "json") return fromJson(schema, parseJson(bytes));
    scanBinary(schema, bytes);
    return fromBinary(schema, bytes);
  } catch (thrown) {
    if (thrown instanceof ExecutionError) throw thrown;
    throw undecodable(schema, format, types.isNativeError(thrown) ? thrown.message : String(thrown));
  }
}

/** Parses a JSON body. Throws INVALID_FIELD if it is not UTF-8, not JSON or nested too deep, and MESSAGE_TOO_LARGE if it has too much in it. */
export function parseJson(bytes: Uint8Array): JsonValue {
  scanJson(bytes);
  try {
    return JSON.parse(utf8.decode(bytes)) as JsonValue;
  } catch (thrown) {
    const problem = thrown instanceof SyntaxError ? "the body is not JSON" : "the body is not UTF-8";
    throw invalidBody(problem, thrown);
  }
}

/** INVALID_FIELD about the body as a whole. */
export function invalidBody(description: string, cause?: unknown): ExecutionError {
  return new ExecutionError("INVALID_FIELD", description, { fields: [{ field: "", description }], cause });
}

/** What the decoder of ProtoJSON says that is of the contract and not of the body. */
const OF_THE_CONTRACT =
  /^cannot decode [\w ]+[\w.]+ from JSON(?:: (?:list item #\d+: )?(?:key ".{1,64}?" is unknown|expected \w+(?: \(\w+\))?|invalid base64 string|maximum recursion depth of \d+ reached|oneof set multiple times by \w+ and \w+))?/;

/** The decoder quotes the value it cannot read, and a value may be of a prompt. Names of unknown fields stay: without them nobody finds a slip. */
function withoutValues(detail: string): string {
  return OF_THE_CONTRACT.exec(detail)?.[0] ?? "it cannot be read";
}

function undecodable(schema: DescMessage, format: MessageFormat, detail: string): ExecutionError {
  const field = /cannot decode field \S+?\.(\w+) from JSON/.exec(detail)?.[1] ?? "";
  const description = format === "json" ? withoutValues(detail) : cutText(detail, 300);
  const form = format === "json" ? "canonical ProtoJSON" : "protobuf";
  return new ExecutionError("INVALID_FIELD", `the message is not ${schema.typeName} in ${form}: ${description}`, {
    fields: [{ field, description }],
  });
}
