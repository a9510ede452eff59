import { getIn, isEmpty, mapOf, scalar, setIn, type Tree } from "./tree.ts";
import { type Variables, variableNode } from "./variables.ts";

/** Name and kind of the provider instance there is when none is configured. */
const MOCK = "mock";

/** Name of the persona of requests that name none. */
export const DEFAULT_PERSONA = "default";

/**
 * Completes the merged layers with what only the whole of them tells: the mock where no provider is configured, the persona `default` where no
 * persona is, and the candidates of personas that name none.
 */
export function fillIn(merged: Tree, variables: Variables): Tree {
  const provided =
    namesIn(merged, "providers").length > 0 ? merged : setIn(merged, ["providers", MOCK, "kind"], scalar(MOCK));
  const peopled =
    namesIn(provided, "personas").length > 0 ? provided : setIn(provided, ["personas", DEFAULT_PERSONA], mapOf({}));
  const candidates = defaultCandidates(peopled, variables);
  return personasWithoutCandidates(peopled).reduce(
    (tree, persona) => setIn(tree, ["personas", persona, "candidates"], candidates),
    peopled,
  );
}

/** Names of the personas that say nothing of where they may be served. */
export function personasWithoutCandidates(tree: Tree): readonly string[] {
  return namesIn(tree, "personas").filter((persona) => {
    const written = getIn(tree, ["personas", persona]);
    const isPersona = written !== undefined && (written.kind === "map" || isEmpty(written));
    return isPersona && getIn(written, ["candidates"]) === undefined;
  });
}

function defaultCandidates(tree: Tree, variables: Variables): Tree {
  const provider = variables.get("EP_PROVIDER");
  const model = variables.get("EP_MODEL");
  const candidate = mapOf({
    provider: provider === undefined ? scalar(namesIn(tree, "providers")[0] ?? MOCK) : variableNode(provider),
    ...(model === undefined ? {} : { model: variableNode(model) }),
  });
  return { kind: "list", place: candidate.place, items: [candidate] };
}

/** Keys of a top-level section. */
export function namesIn(tree: Tree, section: string): readonly string[] {
  const map = getIn(tree, [section]);
  return map?.kind === "map" ? [...map.entries.keys()] : [];
}
