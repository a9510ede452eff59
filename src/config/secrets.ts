import { resolve } from "node:path";
import { Secret } from "../secret.ts";
import { errorCode } from "./error-code.ts";
import { asMap, list, type Type } from "./reader.ts";
import { getIn, type Path, shownName } from "./tree.ts";
import type { Variables } from "./variables.ts";

/** Where a secret is, as the configuration says it. */
export type SecretReference =
  | { readonly from: "env"; readonly name: string }
  | { readonly from: "file"; readonly name: string }
  | { readonly from: "inline"; readonly value: Secret };

const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

const references = ["env", "file"].map((key) => ({
  type: "object",
  properties: { [key]: { type: "string", minLength: 1 } },
  required: [key],
  additionalProperties: false,
}));

/** A secret: `{ env: NAME }`, `{ file: path }`, or text, which is for the user of this type to refuse. Nothing of it is ever quoted back. */
export const secretReference: Type<SecretReference> = {
  label: "secret",
  secret: true,
  json: { anyOf: [...references, { type: "string", minLength: 1 }] },
  read: (tree, path, context) => {
    if (tree.kind === "scalar" && typeof tree.value === "string" && tree.value !== "") {
      return { from: "inline", value: new Secret(tree.value) };
    }
    const map = asMap(tree, path, { ...context, problem: () => undefined });
    const [key, ...more] = map?.entries.keys() ?? [];
    const name = key === undefined ? undefined : getIn(tree, [key]);
    const isReference = (key === "env" || key === "file") && more.length === 0;
    if (!isReference || name?.kind !== "scalar" || typeof name.value !== "string" || name.value === "") {
      context.problem(path, "must be { env: NAME_OF_A_VARIABLE } or { file: path/of/a/file }");
      return undefined;
    }
    if (key === "env" && !VARIABLE_NAME.test(name.value)) {
      context.problem(path, "env must be the name of a variable, not the secret itself");
      return undefined;
    }
    if (key === "env") context.origin(path, { source: "environment", name: name.value });
    return { from: key, name: name.value };
  },
};

/** Keys that one provider instance may have. */
const MAX_KEYS = 64;

/** A secret that must not be text, which those who build settings refuse with the way to mend it. */
const keyReference: Type<SecretReference> = { ...secretReference, json: { anyOf: references } };

const severalKeys = list(keyReference, 1, MAX_KEYS);

/** One such secret, or several of which any will do. */
export const keyReferences: Type<readonly SecretReference[]> = {
  ...keyReference,
  label: "secret or list of secrets",
  json: { anyOf: [...references, { type: "array", items: keyReference.json, minItems: 1, maxItems: MAX_KEYS }] },
  read: (tree, path, context) => {
    if (tree.kind === "list") return severalKeys.read(tree, path, context);
    const key = keyReference.read(tree, path, context);
    return key === undefined ? undefined : [key];
  },
};

/** What getting secrets needs. */
export interface SecretSources {
  readonly variables: Variables;
  /** Directory that paths of files are relative to. */
  readonly directory: string;
  /** The text of a file, undefined if there is none. Throws if it cannot be read. */
  readonly readFile: (path: string) => string | undefined;
  /** Permission bits of a file, undefined if they are not known. */
  readonly fileMode: (path: string) => number | undefined;
  readonly problem: (path: Path, message: string) => void;
  readonly notice: (text: string) => void;
}

/** Gets the secret a reference means, without the white space around it. Undefined, after a problem, if there is none. */
export function resolveSecret(
  reference: SecretReference,
  path: Path,
  shape: RegExp,
  sources: SecretSources,
): Secret | undefined {
  if (reference.from === "inline") return reference.value;
  const value =
    reference.from === "env"
      ? variableValue(reference.name, path, sources)
      : readKeyFile(reference.name, path, sources)?.trim();
  if (value === undefined) return undefined;
  if (shape.test(value)) return new Secret(value);
  const where = reference.from === "env" ? `the variable ${reference.name}` : `the file ${reference.name}`;
  const what =
    value === "" ? "is empty" : "has characters that no header can carry, such as a line break in its middle";
  sources.problem(path, `${where} ${what}; put the key there and nothing else`);
  return undefined;
}

function variableValue(name: string, path: Path, { variables, problem }: SecretSources): string | undefined {
  const value = variables.get(name)?.value.trim();
  if (value !== undefined) return value;
  problem(
    path,
    `the variable ${shownName(name)} is not set, neither in the environment nor in an .env file; set it, or remove what needs it`,
  );
  return undefined;
}

/** The text of a file that holds a key; says so if other users can read it. Undefined, after a problem, if it is not there. */
export function readKeyFile(name: string, path: Path, sources: SecretSources): string | undefined {
  const content = readTextFile(name, path, sources);
  const mode = content === undefined ? undefined : sources.fileMode(resolve(sources.directory, name));
  if (mode !== undefined && (mode & 0o007) !== 0) {
    sources.notice(`the key file ${name} can be read by every user of this machine; chmod 600 it`);
  }
  return content;
}

/** The text of a file named in the configuration. Undefined, after a problem, if it is not there. The name, which may be a key, is not repeated. */
export function readTextFile(name: string, path: Path, sources: SecretSources): string | undefined {
  try {
    const content = sources.readFile(resolve(sources.directory, name));
    if (content === undefined) sources.problem(path, `there is no such file; paths start from ${sources.directory}`);
    return content;
  } catch (thrown) {
    sources.problem(path, `the file cannot be read (${errorCode(thrown)})`);
    return undefined;
  }
}
