import type { AdapterKind } from "../adapters/adapter.ts";
import { configSchema } from "./file-schema.ts";
import { didYouMean } from "./nearest.ts";
import { kindVariables, overlayProvider } from "./provider-variables.ts";
import type { Type } from "./reader.ts";
import { getIn, isEmpty, mapOf, scalar, setIn, type Tree } from "./tree.ts";
import { isHost } from "./values.ts";
import { type Variable, type Variables, variableNode } from "./variables.ts";

/** A variable that stands for one value of the file. */
export interface VariableOfValue {
  readonly name: string;
  /** Keys of the value in the file. */
  readonly path: readonly string[];
  readonly isList: boolean;
}

/** The variables that stand for single values: `EP_` and the path in upper case, `grpc.port` being `EP_GRPC_PORT`. */
export const VALUE_VARIABLES: readonly VariableOfValue[] = valueVariables(configSchema, []);

function valueVariables(type: Type<unknown>, path: readonly string[]): readonly VariableOfValue[] {
  if (type.below?.kind === "object") {
    return Object.entries(type.below.fields).flatMap(([key, field]) => valueVariables(field.type, [...path, key]));
  }
  if (type.below?.kind === "map" || (type.below?.kind === "list" && type.below.item.below !== undefined)) return [];
  return [{ name: `EP_${path.join("_").toUpperCase()}`, path, isList: type.below !== undefined }];
}

/** Variables that stand for the same value of both listeners; the listener's own variable wins. */
export const LISTENER_VARIABLES = {
  EP_HOST: ["host"],
  EP_TLS_CERTIFICATE: ["tls", "certificate"],
  EP_TLS_KEY: ["tls", "key"],
  EP_TLS_TERMINATED_BY_PROXY: ["tls_terminated_by_proxy"],
} as const;

/** The other variables, with what they mean. */
export const OTHER_VARIABLES = {
  EP_CONFIG:
    "Path of the configuration file. Without it `execution-platform.yaml` in the working directory, if it is there.",
  EP_PROVIDER: "Provider instance of every persona that names no candidates. Without it the first one.",
  EP_MODEL: "Model of every persona that names no candidates. Without it the instance's default model.",
  EP_PERSONA_PROVIDER_MAP_PATH:
    'Path of a JSON file that says where personas are served: `{ "reviewer": "openai/gpt-x" }`. A persona\'s own `candidates` win.',
  EP_USE_VENDOR_KEYS:
    "1 lets the vendors' own variables (`OPENAI_API_KEY` ...) enable their providers. Without it they never spend.",
  EP_RATE_LIMIT_PER_PERSONA: "Calls each persona may have in a minute.",
  EP_TOKENS_BUDGET_PER_MINUTE: "Tokens, in and out together, each tenant may use in a minute.",
  EP_BUDGET_PER_MINUTE_USD: "US dollars each tenant may use in a minute: `0.50`.",
  EP_ADMIN_ADDR: "Address of the admin listener, `host:port`, or `off`.",
  EP_AUTH_KEYS_SHA256: "API keys beside those of the file: `name:sha256`, separated by commas.",
} as const;

/** Beginnings of the names of variables whose feature has not come. */
const LATER_VARIABLES = /^EP_WORKSPACE_ROOT$/;

/** What the variables make of the configuration. */
export interface Overlaid {
  readonly tree: Tree;
  /** What the operator should know: variables without effect. */
  readonly notices: readonly string[];
}

/** Lays the `EP_` variables over the file, and makes up the provider instances that they alone describe. */
export function overlayVariables(file: Tree, variables: Variables, kinds: readonly AdapterKind[]): Overlaid {
  const notices: string[] = [];
  let tree = file;
  for (const [name, path] of Object.entries(LISTENER_VARIABLES)) {
    const variable = variables.get(name);
    if (variable === undefined) continue;
    for (const listener of ["grpc", "http"]) tree = setIn(tree, [listener, ...path], variableNode(variable));
  }
  for (const { name, path, isList } of VALUE_VARIABLES) {
    const variable = variables.get(name);
    if (variable !== undefined) tree = setIn(tree, path, isList ? listNode(variable) : variableNode(variable));
  }
  tree = overlayAdminAddress(tree, variables.get("EP_ADMIN_ADDR"));
  tree = overlayKeys(tree, variables.get("EP_AUTH_KEYS_SHA256"));
  tree = overlayBudgets(tree, variables);
  const referenced = referencedVariables(file);
  for (const kind of kinds) tree = overlayProvider(tree, kind, { variables, referenced, notices });
  notices.push(...unknownVariables(variables, kinds, referenced));
  return { tree, notices };
}

function listNode(variable: Variable): Tree {
  return { kind: "list", place: variable.place, items: parts(variable).map((item) => scalar(item, variable.place)) };
}

function parts({ value }: Variable): readonly string[] {
  return value.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));
}

/** Reads `off`, or a host with its port or without; undefined if it is neither. */
export function readAddress(value: string): "off" | { readonly host: string; readonly port?: string } | undefined {
  const written = value.trim();
  if (written.toLowerCase() === "off") return "off";
  const [, host = "", port] = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(written) ?? [];
  return isHost(host) ? { host, ...(port !== undefined && { port }) } : undefined;
}

/** What is no address is left out here, and refused when all is read. */
function overlayAdminAddress(tree: Tree, variable: Variable | undefined): Tree {
  const address = variable && readAddress(variable.value);
  if (variable === undefined || address === undefined) return tree;
  const { place } = variable;
  if (address === "off") return setIn(tree, ["admin", "enabled"], scalar(false, place));
  const { host, port } = address;
  const withHost = setIn(tree, ["admin", "host"], scalar(host, place));
  return port === undefined ? withHost : setIn(withHost, ["admin", "port"], scalar(port, place));
}

function overlayKeys(tree: Tree, variable: Variable | undefined): Tree {
  if (variable === undefined) return tree;
  return parts(variable).reduce((before, part, index) => {
    const [, name = `environment-${index + 1}`, hash = ""] = /^(?:([^:]*):)?(.*)$/.exec(part) ?? [];
    return setIn(before, ["auth", "keys", name, "sha256"], scalar(hash, variable.place));
  }, tree);
}

/** Variables that stand for an entry of `budgets`, for each of a scope. */
const BUDGET_VARIABLES = {
  EP_RATE_LIMIT_PER_PERSONA: ["persona", "requests"],
  EP_TOKENS_BUDGET_PER_MINUTE: ["tenant", "tokens"],
  EP_BUDGET_PER_MINUTE_USD: ["tenant", "usd"],
} as const satisfies Partial<Record<keyof typeof OTHER_VARIABLES, readonly [string, string]>>;

function overlayBudgets(tree: Tree, variables: Variables): Tree {
  return Object.entries(BUDGET_VARIABLES).reduce((before, [name, [scope, unit]]) => {
    const variable = variables.get(name);
    if (variable === undefined) return before;
    const { place } = variable;
    const entry = { scope, unit, window: "minute" };
    const nodes = Object.entries(entry).map(([key, value]) => [key, scalar(value, place)] as const);
    const item = mapOf({ ...Object.fromEntries(nodes), amount: variableNode(variable) }, place);
    const list = getIn(before, ["budgets"]);
    if (list === undefined || isEmpty(list)) return setIn(before, ["budgets"], { kind: "list", place, items: [item] });
    return list.kind === "list" ? setIn(before, ["budgets"], { ...list, items: [...list.items, item] }) : before;
  }, tree);
}

/** Names in `{ env: NAME }` anywhere in the file. */
function referencedVariables(tree: Tree): ReadonlySet<string> {
  if (tree.kind === "list") return new Set(tree.items.flatMap((item) => [...referencedVariables(item)]));
  if (tree.kind !== "map") return new Set();
  return new Set(
    [...tree.entries].flatMap(([key, { value }]) =>
      key === "env" && value.kind === "scalar" && !isEmpty(value)
        ? [String(value.value)]
        : [...referencedVariables(value)],
    ),
  );
}

function unknownVariables(
  variables: Variables,
  kinds: readonly AdapterKind[],
  referenced: ReadonlySet<string>,
): readonly string[] {
  const known = new Set([
    ...VALUE_VARIABLES.map(({ name }) => name),
    ...Object.keys(LISTENER_VARIABLES),
    ...Object.keys(OTHER_VARIABLES),
    ...kinds.flatMap(({ kind }) => Object.values(kindVariables(kind))),
  ]);
  const names = [...variables.keys()].filter(
    (name) => name.startsWith("EP_") && !known.has(name) && !referenced.has(name),
  );
  return names.map((name) => {
    if (LATER_VARIABLES.test(name)) return `${name} has no effect yet: what it sets has not been built`;
    const kind = /^EP_(.+)_(?:API_KEY|BASE_URL|MODEL)$/.exec(name)?.[1]?.toLowerCase();
    if (kind === undefined) return `${name} has no effect: there is no such variable.${didYouMean(name, known)}`;
    const guess = didYouMean(
      kind,
      kinds.map((there) => there.kind),
    );
    return `${name} has no effect: there is no provider kind "${kind}".${guess}`;
  });
}
