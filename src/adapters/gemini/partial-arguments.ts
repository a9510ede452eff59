import { ExecutionError } from "../../errors.ts";
import { asText, type JsonObject } from "../json.ts";
import { ENTRY_COST, type Kept } from "../kept.ts";

/** Writes the arguments of a call that arrive as values at paths, as one JSON text that only grows. */
export interface PartialArguments {
  /** Takes one `PartialArg` and returns the JSON that it adds. Throws PROVIDER_PROTOCOL where it goes back to what is written already. */
  add(argument: JsonObject): string;
  /** The JSON that is left to add when the call is complete. */
  finish(): string;
}

type Step = string | number;

/** Most elements of an array that are passed over at once. */
const MAX_PASSED_OVER = 1000;

/** An object or array that is being written. */
interface Open {
  /** Where it is in the one around it; undefined for the root. */
  readonly step: Step | undefined;
  readonly isArray: boolean;
  /** Keys written so far, of an object. */
  readonly keys: Set<string>;
  /** Members or elements written so far. */
  size: number;
}

/**
 * Creates the arguments of one call that Vertex AI streams (`streamFunctionCallArguments`): each piece names its value by a JSON path
 * (`$.recipe.steps[2]`, RFC 9535), a text may come in several pieces, and values come in the order in which the model wrote them. An element of
 * an array that is passed over, as empty ones are, is `null`. What is open, and its keys, is counted as kept.
 */
export function createPartialArguments(kept: Kept): PartialArguments {
  const open: Open[] = [];
  /** The path of a text that goes on. */
  let text: string | undefined;
  let written = false;

  const closeText = (): string => {
    if (text === undefined) return "";
    text = undefined;
    return '"';
  };

  /** Closes what is open below `depth`. */
  const closeTo = (depth: number): string => {
    let json = "";
    while (open.length > depth) json += open.pop()?.isArray === true ? "]" : "}";
    return json;
  };

  const begin = (step: Step | undefined, next: Step | undefined): string => {
    const isArray = typeof next === "number";
    kept.add(4 * ENTRY_COST);
    open.push({ step, isArray, keys: new Set(), size: 0 });
    written = true;
    return isArray ? "[" : "{";
  };

  /** Writes what comes before a value in its container: the comma, the key, or the elements that were passed over. */
  const place = (step: Step): string => {
    const container = open.at(-1);
    if (container === undefined || container.isArray !== (typeof step === "number")) throw outOfOrder();
    let json = "";
    const separate = (): void => {
      if (container.size > 0) json += ",";
      container.size += 1;
    };
    if (typeof step === "number") {
      if (step < container.size || step > container.size + MAX_PASSED_OVER) throw outOfOrder();
      while (container.size < step) {
        separate();
        json += "null";
      }
      separate();
      return json;
    }
    if (container.keys.has(step)) throw outOfOrder();
    kept.add(ENTRY_COST + step.length);
    container.keys.add(step);
    separate();
    return `${json}${JSON.stringify(step)}:`;
  };

  /** Closes and opens objects and arrays until the value at `path` can be written. */
  const moveTo = (path: readonly Step[]): string => {
    let json = open.length === 0 ? begin(undefined, path[0] ?? "") : "";
    let depth = 1;
    while (depth < open.length && depth < path.length && open[depth]?.step === path[depth - 1]) depth += 1;
    json += closeTo(depth);
    for (; depth < path.length; depth += 1) json += place(path[depth - 1] ?? "") + begin(path[depth - 1], path[depth]);
    return json + place(path.at(-1) ?? "");
  };

  return {
    add: (argument) => {
      const jsonPath = asText(argument.jsonPath);
      const { stringValue } = argument;
      if (typeof stringValue !== "string") return closeText() + moveTo(parsePath(jsonPath)) + scalar(argument);
      const start = text === jsonPath ? "" : `${closeText()}${moveTo(parsePath(jsonPath))}"`;
      text = jsonPath;
      const piece = JSON.stringify(stringValue).slice(1, -1);
      return start + piece + (argument.willContinue === true ? "" : closeText());
    },
    finish: () => (written ? closeText() + closeTo(0) : ""),
  };
}

function scalar({ numberValue, boolValue }: JsonObject): string {
  if (typeof numberValue === "number") return JSON.stringify(numberValue);
  return typeof boolValue === "boolean" ? String(boolValue) : "null";
}

/** One step of a path: a name, an index, or a name in quotes. */
const STEP = /\.([^.[]+)|\[(\d+)\]|\[(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\]/y;

function parsePath(path: string): readonly Step[] {
  if (!path.startsWith("$")) throw outOfOrder();
  const steps: Step[] = [];
  STEP.lastIndex = 1;
  while (STEP.lastIndex < path.length) {
    const [, name, index, single, double] = STEP.exec(path) ?? [];
    if (index !== undefined) steps.push(Number(index));
    else if (name !== undefined) steps.push(name);
    else if (single !== undefined || double !== undefined) steps.push((single ?? double ?? "").replace(/\\(.)/g, "$1"));
    else throw outOfOrder();
  }
  if (steps.length === 0) throw outOfOrder();
  return steps;
}

function outOfOrder(): ExecutionError {
  return new ExecutionError("PROVIDER_PROTOCOL", "the provider streamed arguments of a tool call that fit no JSON");
}
