import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import type { JsonValue } from "../../emulators/exchange.ts";
import { isObject, type JsonObject } from "./json.ts";

const siblingDirectory = fileURLToPath(new URL("../../../../shared/specs", import.meta.url));

/** Where the providers' published schemas are: `EP_TEST_SPECS`, else `../shared/specs` beside the repository. */
function specsDirectory(): string {
  const given = process.env.EP_TEST_SPECS;
  return given === undefined || given === "" ? siblingDirectory : given;
}

/** Whether there are published schemas on this machine. They are not part of the repository. */
export function specsAvailable(): boolean {
  return existsSync(specsDirectory());
}

/** What is wrong with a value, one line each: the path of the innermost value that does not fit, and why. Empty if nothing is. */
export type SpecCheck = (value: JsonValue) => string[];

/** Where a file below the specs is. */
export function specFile(file: string): string {
  return join(specsDirectory(), file);
}

/** A check against a published JSON Schema, by its file below the specs. Throws where it is missing. */
export function loadSpec(file: string): SpecCheck {
  const schema = JSON.parse(readFileSync(specFile(file), "utf8")) as object;
  return checkWith(new Ajv({ allErrors: true, strict: false }).compile(schema));
}

/** A check by a compiled schema, which has to collect all errors. */
export function checkWith(validate: ValidateFunction): SpecCheck {
  return (value) => (validate(value) ? [] : innermost(validate.errors ?? []));
}

/** Every branch of a union complains, the wrong ones of its outside; what lies deepest is what is wrong with the right one. */
function innermost(errors: readonly ErrorObject[]): string[] {
  const depthOf = ({ instancePath }: ErrorObject): number => instancePath.split("/").length;
  // That a branch chosen by `if` does not fit is said again by what is wrong in it.
  const said = errors.filter(({ keyword }) => keyword !== "if");
  const deepest = Math.max(...said.map(depthOf));
  return [...new Set(said.filter((error) => depthOf(error) === deepest).map(lineOf))];
}

function lineOf({ instancePath, message, params }: ErrorObject): string {
  return `${instancePath === "" ? "/" : instancePath} ${message} ${JSON.stringify(params)}`;
}

/** Something in a body that its published schema does not have although the provider takes it, and why. Reviewed by hand. */
export interface SpecWaiver {
  /** The path of a member or an element, as `messages[1].content`. */
  readonly path: RegExp;
  /** Which values are waived; all if absent. */
  readonly only?: (value: JsonValue) => boolean;
  readonly reason: string;
}

/** Checks a body without what is waived. `used` is told of each waiver that took something out, and of the path without its numbers. */
export function specProblems(
  check: SpecCheck,
  body: JsonObject,
  waivers: readonly SpecWaiver[],
  used: (waiver: SpecWaiver, path: string) => void,
): string[] {
  const isKept = (value: JsonValue, path: string): boolean => {
    const waiver = waivers.find(({ path: waived, only }) => waived.test(path) && (only?.(value) ?? true));
    if (waiver !== undefined) used(waiver, path.replaceAll(/\[\d+\]/g, "[]"));
    return waiver === undefined;
  };
  return check(filtered(body, "", isKept));
}

function filtered(value: JsonValue, path: string, isKept: (value: JsonValue, path: string) => boolean): JsonValue {
  if (Array.isArray(value)) {
    const elements = value.map((element: JsonValue, index) => [element, `${path}[${index}]`] as const);
    return elements.flatMap(([element, place]) => (isKept(element, place) ? [filtered(element, place, isKept)] : []));
  }
  if (!isObject(value)) return value;
  const members = Object.entries(value).map(
    ([key, member]) => [key, member, path === "" ? key : `${path}.${key}`] as const,
  );
  return Object.fromEntries(
    members.flatMap(([key, member, place]) => (isKept(member, place) ? [[key, filtered(member, place, isKept)]] : [])),
  );
}
