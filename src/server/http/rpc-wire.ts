import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { ServerCall } from "../dispatcher.ts";
import { inflate } from "../inflate.ts";
import type { MessageFormat } from "../read.ts";
import { invalidBody } from "../read.ts";
import type { TimeoutHeader } from "../timeout.ts";
import { ENVELOPE_HEAD_BYTES, type Framing, readBody } from "./body.ts";
import type { Exchange } from "./exchange.ts";

/** How one RPC request is put on the wire. */
export interface RpcWire {
  readonly protocol: "connect" | "grpc" | "grpc-web";
  readonly framing: Framing;
  readonly format: MessageFormat;
  /** Content type of the answer's protocol and format, without parameters. */
  readonly contentType: string;
  readonly timeoutHeader: TimeoutHeader;
  /** Header that names the compression of the body or of its envelopes. */
  readonly encodingHeader: string;
  /** Header in which the answer says what compression requests may have. */
  readonly acceptEncodingHeader: string;
}

/** Content types by protocol, as its specification has them; JSON may say that it is UTF-8. gRPC-Web's base64 form (`-text`) is not served. */
const CONTENT_TYPE =
  /^application\/(?:(connect\+|grpc\+|grpc-web\+)?(proto|json)|(grpc|grpc-web))(?:; ?charset=utf-?8)?$/i;

const GRPC_FRAMING = {
  framing: "envelope",
  timeoutHeader: "grpc-timeout",
  encodingHeader: "grpc-encoding",
  acceptEncodingHeader: "grpc-accept-encoding",
} as const;
const CONNECT_STREAM = {
  protocol: "connect",
  framing: "envelope",
  timeoutHeader: "connect-timeout-ms",
  encodingHeader: "connect-content-encoding",
  acceptEncodingHeader: "connect-accept-encoding",
} as const;
const CONNECT_UNARY = {
  protocol: "connect",
  framing: "whole",
  timeoutHeader: "connect-timeout-ms",
  encodingHeader: "content-encoding",
  acceptEncodingHeader: "accept-encoding",
} as const;

/** Content types a method takes, for `accept-post`. */
export function contentTypesOf(method: DescMethod): readonly string[] {
  const connect = method.methodKind === "unary" ? "application/" : "application/connect+";
  return [connect, "application/grpc+", "application/grpc-web+"].flatMap((prefix) => [
    `${prefix}proto`,
    `${prefix}json`,
  ]);
}

/** Reads the wire off the head of a request; undefined if its content type is none the method takes. A GET is Connect's. */
export function readWire({ method: verb, header, query }: Exchange, method: DescMethod): RpcWire | undefined {
  const unary = method.methodKind === "unary";
  if (verb === "GET") {
    const encoding = new URLSearchParams(query).get("encoding");
    return encoding === "json" || encoding === "proto" ? connectUnary(encoding) : undefined;
  }
  const [match, prefix, suffix, bare] = CONTENT_TYPE.exec(header("content-type") ?? "") ?? [];
  if (match === undefined) return undefined;
  const codec = suffix?.toLowerCase() ?? "proto";
  const format = codec === "json" ? "json" : "binary";
  const family = (bare ?? prefix?.slice(0, -1) ?? "").toLowerCase();
  switch (family) {
    case "grpc":
    case "grpc-web":
      return { protocol: family, format, contentType: `application/${family}+${codec}`, ...GRPC_FRAMING };
    case "connect":
      return unary ? undefined : { ...CONNECT_STREAM, format, contentType: `application/connect+${codec}` };
    default:
      return unary ? connectUnary(codec) : undefined;
  }
}

/** Reads and decodes the one message of a request. Throws INVALID_FIELD, MESSAGE_TOO_LARGE, UNIMPLEMENTED (compression) and what reading does. */
export async function readRequest(
  exchange: Exchange,
  wire: RpcWire,
  call: ServerCall,
  requestMs: number,
): Promise<Message> {
  if (exchange.method === "GET") return readQuery(exchange, wire, call);
  const { framing, format } = wire;
  const encoding = exchange.header(wire.encodingHeader);
  const scan = call.scan(format);
  const compressed = encoding !== undefined && encoding !== "identity";
  const body = await readBody(exchange, call, { requestMs, framing, scan, compressed });
  if (framing === "whole") return call.decode(await inflate(body, encoding, call, scan), format);
  const envelope = openEnvelope(body);
  if (envelope.compressed && !compressed) {
    throw invalidBody(`the message is marked as compressed, but ${wire.encodingHeader} names no compression`);
  }
  return call.decode(await inflate(envelope.bytes, envelope.compressed ? encoding : undefined, call, scan), format);
}

/** An empty message in the wire's format and framing: what Connect's handler gets in place of the body. */
export function emptyBody({ framing, format }: RpcWire): Uint8Array {
  const message = format === "json" ? [0x7b, 0x7d] : [];
  return Uint8Array.from(framing === "whole" ? message : [0, 0, 0, 0, message.length, ...message]);
}

/** Connect's GET: the message is in the query, base64url if `base64=1` (https://connectrpc.com/docs/protocol#unary-get-request). */
async function readQuery({ query }: Exchange, wire: RpcWire, call: ServerCall): Promise<Message> {
  const params = new URLSearchParams(query);
  const message = params.get("message") ?? "";
  const bytes = Buffer.from(message, params.get("base64") === "1" ? "base64url" : "utf8");
  call.admitBytes(bytes.length);
  return call.decode(await inflate(bytes, params.get("compression") ?? undefined, call), wire.format);
}

function openEnvelope(body: Uint8Array): { readonly compressed: boolean; readonly bytes: Uint8Array } {
  if (body.length < ENVELOPE_HEAD_BYTES) throw invalidBody("the request has no message");
  const flags = body[0] ?? 0;
  const length = new DataView(body.buffer, body.byteOffset).getUint32(1);
  const end = ENVELOPE_HEAD_BYTES + length;
  if (flags > 1) throw invalidBody(`the message has flags this protocol does not have (${flags})`);
  if (body.length < end) throw invalidBody(`the message says it has ${length} bytes, but fewer arrived`);
  if (body.length > end) throw invalidBody("the request has more than one message");
  return { compressed: flags === 1, bytes: body.subarray(ENVELOPE_HEAD_BYTES, end) };
}

function connectUnary(codec: string): RpcWire {
  return { ...CONNECT_UNARY, format: codec === "json" ? "json" : "binary", contentType: `application/${codec}` };
}
