import type { JsonValue } from "../../emulators/exchange.ts";
import { splitEvents } from "../../emulators/split.ts";
import type { RecordedCase } from "../../support/recordings.ts";
import { isObject, type JsonObject } from "../shared/json.ts";

/** The parts of candidate 0 of a recorded answer, in their order, read without the code under test. */
function recordedParts({ body }: Pick<RecordedCase, "body">): JsonObject[] {
  return chunksOf(body).flatMap((chunk) => {
    const { candidates } = chunk;
    const [candidate] = Array.isArray(candidates) ? candidates : [];
    const content = isObject(candidate) ? candidate.content : undefined;
    const parts = isObject(content) ? content.parts : undefined;
    return (Array.isArray(parts) ? parts : []).filter(isObject);
  });
}

function chunksOf(body: Uint8Array): JsonObject[] {
  const text = Buffer.from(body).toString("utf8");
  const documents: JsonValue[] = text.trimStart().startsWith("data:")
    ? splitEvents(body).flatMap(({ bytes, isEvent }) =>
        isEvent ? [readEvent(Buffer.from(bytes).toString("utf8"))] : [],
      )
    : [JSON.parse(text) as JsonValue];
  return documents.flat().filter(isObject);
}

const readEvent = (event: string): JsonValue => JSON.parse(event.trim().replace(/^data:/, "")) as JsonValue;

const CALLS = ["executableCode", "toolCall"];
const RESULTS = ["codeExecutionResult", "toolResponse", "functionResponse"];

/** How many tools the provider ran by itself, and how many answers of theirs are in the body: of code, built-in tools and its MCP servers. */
export function providerRun(recorded: RecordedCase): { calls: number; results: number } {
  const parts = recordedParts(recorded);
  const count = (names: readonly string[]): number =>
    parts.filter((part) => names.some((name) => part[name] !== undefined)).length;
  return { calls: count(CALLS) + answeredFunctions(recorded).length, results: count(RESULTS) };
}

/** Names of the functions whose answers are in the body too: the provider called them itself. */
export function answeredFunctions(recorded: Pick<RecordedCase, "body">): string[] {
  return recordedParts(recorded).flatMap(({ functionResponse }) =>
    isObject(functionResponse) && typeof functionResponse.name === "string" ? [functionResponse.name] : [],
  );
}
