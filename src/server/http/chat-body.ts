import { create, type JsonValue } from "@bufbuild/protobuf";
import { ExecutionError } from "../../errors.ts";
import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import { type PlanRequest, PlanRequestSchema } from "../../gen/execution/v1/plan_pb.js";
import type { ServerCall } from "../dispatcher.ts";
import { asBoolean, asName, asObject, type ObjectFields, refuse } from "../edge/fields.ts";
import { readCompletionFields, type Target } from "../openai/chat-completions.ts";

/** What reading a JSON body needs of its call. */
type JsonCall = Pick<ServerCall, "parseJson" | "decodeJson" | "nextStep">;

/** What a body of `POST /chat` and its query ask for. */
export interface ChatBody {
  readonly request: ChatRequest;
  /** Form of the events: the short one, or the contract's own. */
  readonly events: "short" | "proto";
}

/** Names in the query and the plain form of the request's fields of the same meaning. A persona goes by two, of which one may be used. */
const TARGETS = { personaId: "persona", persona: "persona", provider: "provider", model: "model" } as const;

/**
 * Reads a body of `POST /chat`: canonical ProtoJSON of ChatRequest, or the plain form, which it is if any message has `content`.
 *
 * The plain form has the fields of an OpenAI chat-completions body (`messages`, `tools`, `tool_choice`, `response_format`, `max_tokens`,
 * `temperature`, ..., all but `stream: false`) and `personaId` (or `persona`), `provider` and `model`, all three optional. In both forms these
 * three may stand in the query instead; `events=proto` there asks for events in ProtoJSON. Throws INVALID_FIELD with the path of what is wrong: unknown fields
 * and parameters, a form mixed with the other one, a target named twice and differently.
 */
export async function readChatBody(bytes: Uint8Array, query: string, call: JsonCall): Promise<ChatBody> {
  const params = readQuery(query, ["events"]);
  const events = params.get("events") ?? "short";
  if (events !== "short" && events !== "proto") return refuse("events", "must be `proto` or `short`");
  const value = await call.parseJson(bytes);
  const request = isPlain(value)
    ? await readPlain(bytes, value, call)
    : ((await call.decodeJson(value)) as ChatRequest);
  setTargets(request, params);
  return { request, events };
}

/**
 * Reads a body of `POST /plan`: canonical ProtoJSON of PlanRequest, or a ChatRequest in any form that `POST /chat` takes. The query may have
 * `personaId`, `provider` and `model`. Throws INVALID_FIELD as for `POST /chat`.
 */
export async function readPlanBody(bytes: Uint8Array, query: string, call: JsonCall): Promise<PlanRequest> {
  const params = readQuery(query, []);
  const value = await call.parseJson(bytes);
  const plan = isPlain(value)
    ? create(PlanRequestSchema, { request: await readPlain(bytes, value, call) })
    : ((await call.decodeJson(isObject(value) && "request" in value ? value : { request: value })) as PlanRequest);
  if (plan.request !== undefined) setTargets(plan.request, params);
  return plan;
}

function readQuery(query: string, options: readonly string[]): URLSearchParams {
  const params = new URLSearchParams(query);
  const allowed = [...options, ...Object.keys(TARGETS)];
  for (const name of new Set(params.keys())) {
    if (!allowed.includes(name)) refuse("query", `has a parameter other than ${allowed.join(", ")}`);
    if (params.getAll(name).length > 1) refuse(name, "must be in the query once");
  }
  return params;
}

/** ProtoJSON messages have `parts` and never `content`. */
function isPlain(value: JsonValue): boolean {
  const messages = isObject(value) ? value.messages : undefined;
  return Array.isArray(messages) && messages.some((message) => isObject(message) && "content" in message);
}

async function readPlain(bytes: Uint8Array, value: JsonValue, call: JsonCall): Promise<ChatRequest> {
  await call.nextStep();
  refuseCanonical(value);
  const body = asObject({ path: "", value, raw: () => Buffer.from(bytes).toString("utf8") });
  const stream = body.take("stream");
  if (stream !== undefined && !asBoolean(stream)) refuse(stream.path, "must be true or left out: this route streams");
  return readCompletionFields(body, readTarget(body));
}

/** A message with `parts` among messages with `content`: which of both was meant for the other is not ours to guess. */
function refuseCanonical(value: unknown): void {
  const messages = isObject(value) && Array.isArray(value.messages) ? value.messages : [];
  const index = messages.findIndex((message) => isObject(message) && "parts" in message);
  if (index !== -1)
    refuse(`messages[${index}].parts`, "is of the canonical form, but other messages have content, of the plain form");
}

function readTarget(body: ObjectFields): Target {
  const target: Partial<Record<keyof Target, string>> = {};
  for (const [name, field] of Object.entries(TARGETS)) {
    const found = body.take(name);
    if (found === undefined) continue;
    if (target[field] !== undefined) refuse(found.path, "is the persona a second time; leave out one of the two");
    target[field] = asName(found);
  }
  return target;
}

function setTargets(request: ChatRequest, params: URLSearchParams): void {
  for (const [name, field] of Object.entries(TARGETS)) setTarget(request, field, name, params.get(name));
}

function setTarget(request: ChatRequest, field: keyof Target, name: string, value: string | null): void {
  if (value === null) return;
  if (request[field] !== "" && request[field] !== value) {
    const description = `is ${field} in the query and differs from the one in the body`;
    throw new ExecutionError("INVALID_FIELD", `${name} ${description}`, { fields: [{ field: name, description }] });
  }
  request[field] = value;
}

function isObject(value: unknown): value is Readonly<Record<string, JsonValue>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
