import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { ChatResponseSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { ExecutionService } from "../../src/gen/execution/v1/execution_pb.js";
import { Code } from "../../src/gen/google/rpc/code_pb.js";
import { API_KEYS, encodeCase, type WireCase } from "../e2e/cases.ts";
import { detail, type Failure, type Outcome } from "../e2e/outcome.ts";
import { problemOf, readSse } from "../e2e/wires.ts";
import { runCommand } from "./command.ts";

/** Makes one call with `buf curl`, the contract read from `schema`. Throws where it ends in a way that is no status of an RPC. */
export async function bufCurl(
  schema: string,
  protocol: "grpc" | "grpcweb" | "connect",
  baseUrl: string,
  wireCase: WireCase,
): Promise<Outcome> {
  const method = `${baseUrl}/${ExecutionService.typeName}/${wireCase.rpc ?? "Chat"}`;
  const http2 = protocol === "grpc" ? ["--http2-prior-knowledge"] : [];
  const args = ["curl", "--schema", schema, "--protocol", protocol, ...http2, ...keyArguments(wireCase), "-d", "@-"];
  const input = JSON.stringify(wireCase.rpc === undefined ? wireCase.request : {});
  const { status, stdout, stderr } = await runCommand("buf", [...args, method], { input });
  const events = jsonTexts(stdout).map((event) => fromJson(ChatResponseSchema, event));
  if (status === 0) return { events };
  if (status % 8 !== 0) throw new Error(`buf curl ended with ${status}: ${stderr.slice(0, 500)}`);
  return { events, failure: bufFailure(stderr, status / 8) };
}

/** Makes one call with curl over SSE. */
export async function sseCurl(baseUrl: string, form: "proto" | "short", wireCase: WireCase): Promise<Outcome> {
  const url = `${baseUrl}/v1/chat${form === "proto" ? "?events=proto" : ""}`;
  const headers = ["-H", "content-type: application/json", ...keyArguments(wireCase)];
  const limit =
    wireCase.timeoutMs === undefined
      ? []
      : ["-H", `connect-timeout-ms: ${wireCase.timeoutMs}`, "--max-time", String(wireCase.timeoutMs / 1000)];
  const args = ["-sS", "-N", ...headers, ...limit, "--data-binary", "@-", "-w", "\n%{http_code}", url];
  const input = encodeCase(wireCase, "json");
  const { status, stdout, stderr } = await runCommand("curl", args, { input });
  if (status === 28) {
    return { events: [], failure: { code: Code.DEADLINE_EXCEEDED, message: "curl gave up", details: [] } };
  }
  if (status !== 0) throw new Error(`curl ended with ${status}: ${stderr}`);
  const end = stdout.lastIndexOf("\n");
  const text = stdout.slice(0, end);
  return stdout.slice(end + 1) === "200" ? readSse(text, form) : { events: [], failure: problemOf(JSON.parse(text)) };
}

/** The methods or services `buf curl` finds by the server's own reflection. */
export async function bufList(what: "methods" | "services", protocol: "grpc" | "connect", url: string) {
  const args = ["curl", `--list-${what}`, "--protocol", protocol, "--http2-prior-knowledge", url];
  const { status, stdout, stderr } = await runCommand("buf", args);
  if (status !== 0) throw new Error(`buf curl ended with ${status}: ${stderr}`);
  return stdout.trim().split("\n");
}

/** Calls Chat by reflection alone, without a schema. Returns how many events came. */
export async function bufCurlByReflection(baseUrl: string, wireCase: WireCase): Promise<number> {
  const method = `${baseUrl}/${ExecutionService.typeName}/Chat`;
  const args = ["curl", "--protocol", "grpc", "--http2-prior-knowledge", ...keyArguments(wireCase), "-d", "@-", method];
  const { status, stdout, stderr } = await runCommand("buf", args, { input: JSON.stringify(wireCase.request) });
  if (status !== 0) throw new Error(`buf curl ended with ${status}: ${stderr}`);
  return jsonTexts(stdout).length;
}

function keyArguments({ key = "caller" }: WireCase): readonly string[] {
  return key === null ? [] : ["-H", `authorization: Bearer ${API_KEYS[key]}`];
}

/** JSON texts one after the other, each beginning with a brace at the start of a line. */
function jsonTexts(text: string): JsonValue[] {
  return text
    .split(/^(?=\{)/m)
    .filter((each) => each.trim() !== "")
    .map((each) => JSON.parse(each) as JsonValue);
}

function bufFailure(stderr: string, code: number): Failure {
  const error = JSON.parse(stderr) as {
    readonly code: string;
    readonly message?: string;
    readonly details?: readonly { readonly type: string; readonly value: string }[];
  };
  const name = error.code === "canceled" ? "CANCELLED" : error.code.toUpperCase();
  if (Code[code] !== name) throw new Error(`buf curl's status ${code} is not ${error.code}`);
  const details = (error.details ?? []).map(({ type, value }) => detail(type, Buffer.from(value, "base64")));
  return { code, message: error.message ?? "", details };
}
