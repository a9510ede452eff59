import { getIn, isEmpty, mapOf, type Path, type Place, setIn, type Tree } from "./tree.ts";

/** Told of everything that is wrong with the map. */
export type MapProblem = (place: Place, path: Path, message: string) => void;

/**
 * Reads the JSON that says where personas are served: `{ "persona": "provider", "other": "provider/model", "third": { "provider": "p", "model":
 * "m" }, "fourth": [ ...several, in order of preference ] }`. Gives each persona's list of candidates; what is in one is for the schema to check.
 */
export async function readPersonaMap(
  file: string,
  text: string,
  problem: MapProblem,
): Promise<ReadonlyMap<string, Tree>> {
  // JSON is YAML, and that parser knows where everything stands. Tabs, which YAML takes badly, are only ever space in JSON.
  const { parseYaml } = await import("./yaml.ts");
  const lists = new Map<string, Tree>();
  const placeIn = (place: Place, key: string): Place =>
    place.source === "file" ? { ...place, source: "persona-map", file, key } : place;
  let clean = true;
  const tree = parseYaml(text.replaceAll("\t", " "), (place, message) => {
    clean = false;
    problem(placeIn(place, ""), [], message.replace("the YAML", "the JSON"));
  });
  if (tree === undefined) return lists;
  if (tree.kind !== "map") {
    problem(placeIn(tree.place, ""), [], "must be an object of personas and where they are served");
    return lists;
  }
  if (clean && !isJson(text)) problem(placeIn(tree.place, ""), [], "must be JSON, and it is YAML");
  for (const [key, { value }] of tree.entries) {
    const items = value.kind === "list" ? value.items : [value];
    const candidates = items.map((item) => candidateOf(item, (place) => placeIn(place, key)));
    const place = placeIn(value.place, key);
    if (candidates.every((candidate) => candidate !== undefined))
      lists.set(key, { kind: "list", place, items: candidates });
    else
      problem(
        place,
        ["personas", key],
        'must be "provider", "provider/model", { "provider": ..., "model": ... }, or a list of these',
      );
  }
  return lists;
}

/** Lays the map under the personas of the file: it says where a persona is served that does not say so itself, and makes up those that are not there. */
export function underlayPersonaMap(file: Tree, lists: ReadonlyMap<string, Tree>): Tree {
  return [...lists].reduce((tree, [persona, candidates]) => {
    const written = getIn(tree, ["personas", persona]);
    const isTaken =
      written !== undefined && !isEmpty(written) && (written.kind !== "map" || written.entries.has("candidates"));
    return isTaken ? tree : setIn(tree, ["personas", persona, "candidates"], candidates);
  }, file);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Names of instances have no slash, so that the first one ends the name. */
function candidateOf(item: Tree, placed: (place: Place) => Place): Tree | undefined {
  const place = placed(item.place);
  if (item.kind === "map") return moved(item, placed);
  if (item.kind !== "scalar" || typeof item.value !== "string") return undefined;
  const [provider = "", ...rest] = item.value.split("/");
  const model = rest.join("/");
  return mapOf(
    {
      provider: { kind: "scalar", place, value: provider },
      ...(rest.length > 0 && { model: { kind: "scalar", place, value: model } }),
    },
    place,
  );
}

/** The tree with its places in the map's file. */
function moved(tree: Tree, placed: (place: Place) => Place): Tree {
  const place = placed(tree.place);
  if (tree.kind === "scalar") return { ...tree, place };
  if (tree.kind === "list") return { ...tree, place, items: tree.items.map((item) => moved(item, placed)) };
  const entries = [...tree.entries].map(
    ([key, { keyPlace, value }]) => [key, { keyPlace: placed(keyPlace), value: moved(value, placed) }] as const,
  );
  return { ...tree, place, entries: new Map(entries) };
}
