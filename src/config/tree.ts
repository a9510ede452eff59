/** Where a value stands. */
export type Place =
  | { readonly source: "default" }
  | {
      readonly source: "file";
      readonly line: number;
      readonly column: number;
      /** The file, if it is not the configuration file. */
      readonly file?: string;
    }
  | {
      readonly source: "environment";
      readonly name: string;
      /** The file that sets the variable, with its line (`.env:3`). Absent: the process's environment. */
      readonly file?: string;
    }
  | {
      readonly source: "persona-map";
      readonly file: string;
      readonly line: number;
      readonly column: number;
      /** The persona the value is for. */
      readonly key: string;
    };

/** A single value. Whole numbers are bigint, so that none loses digits; values of variables are always strings. */
export interface ScalarNode {
  readonly kind: "scalar";
  readonly place: Place;
  readonly value: string | bigint | number | boolean | null;
  /** What a number was written as where its value does not tell it (`0x10`, `1e3`). */
  readonly written?: string;
}

/** A sequence of values. */
export interface ListNode {
  readonly kind: "list";
  readonly place: Place;
  readonly items: readonly Tree[];
}

/** Keys with their values, in order. */
export interface MapNode {
  readonly kind: "map";
  readonly place: Place;
  readonly entries: ReadonlyMap<string, MapEntry>;
}

/** One key of a map. */
export interface MapEntry {
  readonly keyPlace: Place;
  readonly value: Tree;
}

/** Configuration before it is checked: every layer is one of these, and so is what the layers merge to. */
export type Tree = ScalarNode | ListNode | MapNode;

/** Keys and list indexes from the root to a value. */
export type Path = readonly (string | number)[];

/** The place of what nobody configured. */
export const DEFAULT_PLACE: Place = { source: "default" };

/** A single value at a place. */
export function scalar(value: ScalarNode["value"], place: Place = DEFAULT_PLACE): ScalarNode {
  return { kind: "scalar", value, place };
}

/** A map whose keys stand where the map stands. */
export function mapOf(entries: Readonly<Record<string, Tree>>, place: Place = DEFAULT_PLACE): MapNode {
  const pairs = Object.entries(entries).map(([key, value]): [string, MapEntry] => [key, { keyPlace: place, value }]);
  return { kind: "map", place, entries: new Map(pairs) };
}

/** True if a value is left empty, as in `providers:` with nothing after it. */
export function isEmpty(tree: Tree): boolean {
  return tree.kind === "scalar" && tree.value === null;
}

/** The value at a path; undefined if there is none. */
export function getIn(tree: Tree, path: Path): Tree | undefined {
  const [head, ...rest] = path;
  if (head === undefined) return tree;
  const child = typeof head === "number" ? itemOf(tree, head) : entryOf(tree, head);
  return child === undefined ? undefined : getIn(child, rest);
}

function itemOf(tree: Tree, index: number): Tree | undefined {
  return tree.kind === "list" ? tree.items[index] : undefined;
}

function entryOf(tree: Tree, key: string): Tree | undefined {
  return tree.kind === "map" ? tree.entries.get(key)?.value : undefined;
}

/**
 * The tree with another value at a path of keys; maps that are missing on the way are made. Where something that is no map stands in the way the
 * tree stays as it is: that is a mistake which reading the tree reports.
 */
export function setIn(tree: Tree, path: readonly string[], value: Tree): Tree {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const map = isEmpty(tree) ? mapOf({}, tree.place) : tree;
  if (map.kind !== "map") return tree;
  const before = map.entries.get(key);
  const child = setIn(before?.value ?? mapOf({}, value.place), rest, value);
  const entry: MapEntry = { keyPlace: before?.keyPlace ?? value.place, value: child };
  return { ...map, entries: new Map([...map.entries, [key, entry]]) };
}

/** The place of the value at a path, or of the nearest thing around it. */
export function placeOf(tree: Tree, path: Path): Place {
  const found = getIn(tree, path);
  if (found !== undefined || path.length === 0) return (found ?? tree).place;
  return placeOf(tree, path.slice(0, -1));
}

/** A name as messages show it. One that is long and has digits may be a key that came to stand in the wrong place. */
export function shownName(name: string): string {
  return name.length > 24 && /\d/.test(name) ? "(a long name)" : name;
}

/** `personas.reviewer.candidates[0].provider`. */
export function pathText(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join("");
}

/** The place as an origin: `default`, `file:LINE`, `persona-map:KEY`, `environment:NAME`, or `environment:NAME (.env:LINE)`. */
export function originText(place: Place): string {
  if (place.source === "default") return "default";
  if (place.source === "file") return `${place.file ?? "file"}:${place.line}`;
  if (place.source === "persona-map") return `persona-map:${place.key}`;
  return `environment:${place.name}${place.file === undefined ? "" : ` (${place.file})`}`;
}
