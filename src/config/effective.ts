import { configSchema } from "./file-schema.ts";
import { defaultTree, type Type } from "./reader.ts";
import { getIn, isEmpty, type MapEntry, mapOf, type Place, scalar, type Tree } from "./tree.ts";

/** The whole configuration as one tree: what was written, every default where nothing was, and `[secret]` for secrets. */
export function effectiveTree(written: Tree): Tree {
  return effective(configSchema, written);
}

function effective(type: Type<unknown>, tree: Tree): Tree {
  const { below } = type;
  if (type.secret === true) return scalar("[secret]", placeOfSecret(tree));
  if (below?.kind === "list" && tree.kind === "list") {
    return { ...tree, items: tree.items.map((item) => effective(below.item, item)) };
  }
  if (below === undefined) return asWritten(type, tree);
  if (below.kind === "list") return tree;
  const map = isEmpty(tree) ? mapOf({}, tree.place) : tree;
  if (map.kind !== "map") return tree;
  if (below.kind === "map") {
    const entries = [...map.entries].map(([key, entry]): [string, MapEntry] => [
      key,
      { ...entry, value: effective(below.value, entry.value) },
    ]);
    return { ...map, entries: new Map(entries) };
  }
  const entries = Object.entries(below.fields).flatMap(([key, field]): [string, MapEntry][] => {
    const value =
      map.entries.get(key)?.value ?? (field.fallback === undefined ? undefined : defaultTree(field.fallback));
    return value === undefined ? [] : [[key, { keyPlace: value.place, value: effective(field.type, value) }]];
  });
  return { ...map, entries: new Map(entries) };
}

/** A value as a file would have it: in a variable numbers and flags are text, and a name that is a number is text anywhere. */
function asWritten(type: Type<unknown>, tree: Tree): Tree {
  if (tree.kind !== "scalar") return tree;
  const value = type.read(tree, [], { problem: () => undefined, origin: () => undefined });
  if (tree.place.source !== "environment") {
    const isNumber = typeof tree.value === "number" || typeof tree.value === "bigint";
    return isNumber && typeof value === "string" ? scalar(value, tree.place) : tree;
  }
  const isFlag = typeof value === "boolean";
  const isNumber = type.json?.type === "integer" || type.json?.type === "number";
  return isFlag || (isNumber && (typeof value === "number" || typeof value === "bigint"))
    ? scalar(value, tree.place)
    : tree;
}

/** A secret that is in a variable is there, not where the variable is named. */
function placeOfSecret(tree: Tree): Place {
  const variable = getIn(tree, ["env"]);
  return variable?.kind === "scalar" && typeof variable.value === "string"
    ? { source: "environment", name: variable.value }
    : tree.place;
}
