import { GoogleGenerativeAI } from "@google/generative-ai";
import type { JsonValue } from "../../emulators/exchange.ts";
import type { RecordedCase } from "../../support/recordings.ts";
import { isObject, type JsonObject } from "../shared/json.ts";
import type { SdkReading, SdkToolCall } from "../shared/sdk-reading.ts";
import { answeredFunctions } from "./provider-run.ts";

/**
 * Reads a recorded answer with the official SDK: its own framing and its own parser. Rejects with what the SDK throws. Only the parts are looked at;
 * its `text()` joins thoughts into the answer.
 */
export async function readWithSdk(recorded: RecordedCase): Promise<SdkReading> {
  const model = new GoogleGenerativeAI("none").getGenerativeModel({ model: "any" });
  const responses: JsonObject[] = [];
  if (recorded.row.api === "gemini-generate") {
    const { response } = await answeredBy(recorded, () => model.generateContent("Hi"));
    responses.push(asJson(response));
  } else {
    const { stream, response } = await answeredBy(recorded, () => model.generateContentStream("Hi"));
    // What it aggregates fails with the stream.
    response.catch(() => undefined);
    for await (const chunk of stream) responses.push(asJson(chunk));
  }
  return read(responses, answeredFunctions(recorded));
}

/** The SDK calls the global `fetch` before its method returns. */
function answeredBy<Result>({ responseStatus, responseHeaders, body }: RecordedCase, start: () => Result): Result {
  const headers = Object.entries(responseHeaders).filter(
    ([name]) => !/^(content-(encoding|length)|transfer-encoding)$/i.test(name),
  );
  const before = globalThis.fetch;
  globalThis.fetch = async () => new Response(new Uint8Array(body), { status: responseStatus, headers });
  try {
    return start();
  } finally {
    globalThis.fetch = before;
  }
}

/** Without the functions that the SDK adds. */
const asJson = (response: object): JsonObject => JSON.parse(JSON.stringify(response)) as JsonObject;

function read(responses: readonly JsonObject[], providerFunctions: readonly string[]): SdkReading {
  const candidates = responses.map(({ candidates: list }) => (Array.isArray(list) ? list.find(isObject) : undefined));
  const parts = candidates.flatMap((candidate) => {
    const content = isObject(candidate) ? candidate.content : undefined;
    const list = isObject(content) ? content.parts : undefined;
    return (Array.isArray(list) ? list : []).filter(isObject);
  });
  const textOf = (wanted: boolean): string =>
    parts.map(({ text, thought }) => (typeof text === "string" && (thought === true) === wanted ? text : "")).join("");
  const reasons = candidates.map((candidate) => (isObject(candidate) ? candidate.finishReason : undefined));
  const reason = reasons.findLast((word) => word !== undefined) ?? blockReasonOf(responses);
  const usage = responses.map(({ usageMetadata }) => usageMetadata).findLast((object) => object !== undefined);
  return {
    text: textOf(false),
    reasoning: textOf(true),
    toolCalls: callsOf(parts).filter(({ name }) => !providerFunctions.includes(name)),
    finishReason: reason === undefined ? undefined : String(reason),
    usage,
  };
}

function blockReasonOf(responses: readonly JsonObject[]): JsonValue | undefined {
  const feedbacks = responses.map(({ promptFeedback }) => (isObject(promptFeedback) ? promptFeedback : undefined));
  return feedbacks.map((feedback) => feedback?.blockReason).findLast((word) => word !== undefined);
}

/** Calls as the parts have them; the pieces of streamed arguments are put together. */
function callsOf(parts: readonly JsonObject[]): SdkToolCall[] {
  const calls: { name: string; arguments: Record<string, JsonValue> }[] = [];
  for (const { functionCall: call } of parts) {
    if (!isObject(call)) continue;
    if (typeof call.name === "string") {
      calls.push({ name: call.name, arguments: isObject(call.args) ? { ...call.args } : {} });
    }
    const pieces = Array.isArray(call.partialArgs) ? call.partialArgs.filter(isObject) : [];
    for (const piece of pieces) put(calls.at(-1)?.arguments ?? {}, piece);
  }
  return calls;
}

/** Puts one piece at its path. Texts are appended to what is there. */
function put(root: Record<string, JsonValue>, { jsonPath, stringValue, numberValue, boolValue }: JsonObject): void {
  const steps = String(jsonPath).match(/[^.[\]$]+/g) ?? [];
  let place: Record<string, JsonValue> = root;
  for (const [index, step] of steps.slice(0, -1).entries()) {
    const next = /^\d+$/.test(steps[index + 1] ?? "") ? [] : {};
    place[step] ??= next;
    place = place[step] as Record<string, JsonValue>;
  }
  const last = steps.at(-1) ?? "";
  place[last] =
    typeof stringValue === "string" ? `${String(place[last] ?? "")}${stringValue}` : (numberValue ?? boolValue ?? null);
}
