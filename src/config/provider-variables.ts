import type { AdapterKind } from "../adapters/adapter.ts";
import { getIn, mapOf, scalar, setIn, type Tree } from "./tree.ts";
import { isOn, type Variable, type Variables, variableNode } from "./variables.ts";

/** Names of the variables that describe the instance which is named like its kind. */
export function kindVariables(kind: string): Readonly<Record<"apiKey" | "baseUrl" | "model", string>> {
  const prefix = `EP_${kind.toUpperCase()}`;
  return { apiKey: `${prefix}_API_KEY`, baseUrl: `${prefix}_BASE_URL`, model: `${prefix}_MODEL` };
}

/** The vendor's own variable of a kind, if it is set. */
export function vendorVariable(kind: AdapterKind, variables: Variables): Variable | undefined {
  const variable = kind.vendorKeyVariable === undefined ? undefined : variables.get(kind.vendorKeyVariable);
  return variable?.value.trim() === "" ? undefined : variable;
}

/** What laying the variables of a kind over the file needs. */
export interface ProviderOverlay {
  readonly variables: Variables;
  /** Names of the variables the file itself refers to. */
  readonly referenced: ReadonlySet<string>;
  /** Variables without effect are told here. */
  readonly notices: string[];
}

/**
 * Lays the variables of a kind over the instance that is named like it. If the file has none, it is made up by a key, by a base URL, or, for a
 * kind that needs no key, by being named at all; not if the file gives the key to an instance of another name.
 */
export function overlayProvider(
  tree: Tree,
  kind: AdapterKind,
  { variables, referenced, notices }: ProviderOverlay,
): Tree {
  const names = kindVariables(kind.kind);
  const path = ["providers", kind.kind];
  const given = givenVariables(kind, variables);
  const before = getIn(tree, path);
  const ignore = (why: string): Tree => {
    const ignored = Object.values(names).filter((name) => variables.has(name) && !referenced.has(name));
    notices.push(...ignored.map((name) => `${name} has no effect: ${why}`));
    return tree;
  };
  if (before !== undefined && !isOfKind(before, kind.kind))
    return ignore(`the instance "${kind.kind}" is of another kind`);
  if (before === undefined && referenced.has(names.apiKey)) return ignore(`the file has no instance "${kind.kind}"`);
  const enabledBy = given.apiKey ?? given.baseUrl ?? given.vendorKey ?? (kind.needsKey ? undefined : given.mention);
  if (before === undefined && enabledBy === undefined)
    return ignore(`it needs ${names.apiKey} or ${names.baseUrl} beside it`);

  const hasKey = getIn(tree, [...path, "api_key"]) !== undefined;
  const key = given.apiKey ?? (hasKey ? undefined : given.vendorKey);
  const values = {
    kind: before === undefined ? scalar(kind.kind, enabledBy?.place) : undefined,
    api_key: key === undefined ? undefined : keyReference(key),
    base_url: given.baseUrl && variableNode(given.baseUrl),
    default_model: given.model && variableNode(given.model),
  };
  const start = before === undefined ? setIn(tree, path, mapOf({}, enabledBy?.place)) : tree;
  return Object.entries(values).reduce(
    (after, [name, value]) => (value === undefined ? after : setIn(after, [...path, name], value)),
    start,
  );
}

interface GivenVariables {
  readonly apiKey: Variable | undefined;
  readonly baseUrl: Variable | undefined;
  readonly model: Variable | undefined;
  /** Only where the operator lets the vendors' own variables count. */
  readonly vendorKey: Variable | undefined;
  /** What names the kind without saying how it is reached. */
  readonly mention: Variable | undefined;
}

function givenVariables(kind: AdapterKind, variables: Variables): GivenVariables {
  const names = kindVariables(kind.kind);
  const chosen = variables.get("EP_PROVIDER");
  const model = variables.get(names.model);
  return {
    apiKey: variables.get(names.apiKey),
    baseUrl: variables.get(names.baseUrl),
    model,
    vendorKey: isOn(variables.get("EP_USE_VENDOR_KEYS")) ? vendorVariable(kind, variables) : undefined,
    mention: chosen?.value.trim() === kind.kind ? chosen : model,
  };
}

function keyReference({ place }: Variable): Tree {
  return mapOf({ env: scalar(place.source === "environment" ? place.name : null, place) }, place);
}

function isOfKind(instance: Tree, kind: string): boolean {
  const written = getIn(instance, ["kind"]);
  return written?.kind === "scalar" && written.value === kind;
}
