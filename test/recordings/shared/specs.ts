import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv, type ErrorObject } from "ajv";
import type { JsonValue } from "../../emulators/exchange.ts";
import type { JsonObject } from "./json.ts";
import { normalise } from "./normalise.ts";

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
export type SpecCheck = (value: unknown) => string[];

/** A check against a published JSON Schema, by its file below the specs. Throws where it is missing. */
export function loadSpec(file: string): SpecCheck {
  const schema = JSON.parse(readFileSync(join(specsDirectory(), file), "utf8")) as object;
  const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);
  return (value) => (validate(value) ? [] : innermost(validate.errors ?? []));
}

/** Every branch of a union complains, the wrong ones of its outside; what lies deepest is what is wrong with the right one. */
function innermost(errors: readonly ErrorObject[]): string[] {
  const depthOf = ({ instancePath }: ErrorObject): number => instancePath.split("/").length;
  const deepest = Math.max(...errors.map(depthOf));
  return [...new Set(errors.filter((error) => depthOf(error) === deepest).map(lineOf))];
}

function lineOf({ instancePath, message, params }: ErrorObject): string {
  return `${instancePath === "" ? "/" : instancePath} ${message} ${JSON.stringify(params)}`;
}

/** A member of a body that its published schema does not have although the provider takes it, and why. Reviewed by hand. */
export interface SpecWaiver {
  /** The member's path, as `messages[1].content`. */
  readonly path: RegExp;
  readonly reason: string;
}

/** Checks a body without the members that are waived. `used` is told of the reason of each waiver that took something out. */
export function specProblems(
  check: SpecCheck,
  body: JsonObject,
  waivers: readonly SpecWaiver[],
  used: (reason: string) => void,
): string[] {
  const absence = (_value: JsonValue, path: string): string | undefined =>
    waivers.find((waiver) => waiver.path.test(path))?.reason;
  return check(normalise(body, { rules: {}, opaque: /^$/, absence, rewrite: () => undefined }, used));
}
