import { Capability, Support } from "../gen/execution/v1/capabilities_pb.js";
import { Role } from "../gen/execution/v1/options_pb.js";
import { kindOf, list, mapping, single, type Type } from "./reader.ts";
import { isEmpty, type Tree } from "./tree.ts";
import { boolean, notOneOf } from "./values.ts";

/** One of the contract's enums: its names to numbers, and back. */
type ContractEnum<T extends number> = Readonly<Record<string, T | string>>;

/** A value of one of the contract's enums, written in lower case and without the enum's prefix (`image_input`). */
export function enumWord<T extends number>(label: string, values: ContractEnum<T>): Type<T> {
  const words = new Map<string, T>();
  for (const [word, value] of Object.entries(values)) {
    // The other direction, and the value that stands for none, are no words.
    if (typeof value === "number" && value !== 0) words.set(word.toLowerCase(), value);
  }
  const names = [...words.keys()];
  return single(
    label,
    { enum: names },
    (_, { written }) => words.get(written) ?? notOneOf(names, written),
    names.join(", "),
  );
}

/** A capability. */
export const capability: Type<Capability> = enumWord<Capability>("capability", Capability);

/** How well a capability is supported. */
export const support: Type<Support> = enumWord<Support>("support", Support);

/** A role of an API key. */
export const role: Type<Role> = enumWord<Role>("role", Role);

const capabilityList = list(capability);
const capabilityFlags = mapping("CAPABILITY", capability, boolean);

/** Several capabilities: `[tools, image_input]`, or `{ tools: true, image_input: true }`. */
export const capabilities: Type<readonly Capability[]> = {
  label: "list of capabilities",
  below: { kind: "list", item: capability, least: 0, most: Number.POSITIVE_INFINITY },
  json: {
    anyOf: [
      { type: "array", items: capability.json },
      { type: ["object", "null"], propertyNames: capability.json, additionalProperties: { type: "boolean" } },
    ],
  },
  read: (tree, path, context) => {
    if (tree.kind === "list") return capabilityList.read(tree, path, context);
    if (tree.kind !== "map" && !isEmpty(tree)) {
      context.problem(path, `must be a list of capabilities or a map of them to true, not ${kindOf(tree)}`);
      return undefined;
    }
    const flags = capabilityFlags.read(tree, path, context);
    return flags && [...flags].filter(([, needed]) => needed).map(([named]) => named);
  },
};

/** Data that somebody else checks. Whole numbers become numbers. */
export const anyMap: Type<Readonly<Record<string, unknown>>> = {
  label: "map",
  json: { type: ["object", "null"] },
  read: (tree, path, context) => {
    if (tree.kind === "map" || isEmpty(tree)) return plainMap(tree);
    context.problem(path, `must be a map (indented "key: value" lines), not ${kindOf(tree)}`);
    return undefined;
  },
};

/** Without a prototype, so that no key means anything but itself. */
function plainMap(tree: Tree): Readonly<Record<string, unknown>> {
  const entries = tree.kind === "map" ? [...tree.entries] : [];
  const plain: Record<string, unknown> = Object.create(null);
  for (const [key, { value }] of entries) plain[key] = plainValue(value);
  return plain;
}

function plainValue(tree: Tree): unknown {
  if (tree.kind === "map") return plainMap(tree);
  if (tree.kind === "list") return tree.items.map(plainValue);
  return typeof tree.value === "bigint" ? Number(tree.value) : tree.value;
}
