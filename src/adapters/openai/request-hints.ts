import type { HintField } from "./quirks.ts";
import type { BuildContext } from "./request-notes.ts";
import type { WireBody } from "./request-wire.ts";

/** A hint of the contract and the fields it becomes; undefined if it is not given. */
export type Hint = readonly [path: string, hint: HintField, fields: Partial<WireBody>] | undefined;

/** Keeps the hints the server takes and warns of the others. `reasons`: whether the model will reason. */
export function takenHints(hints: readonly Hint[], reasons: boolean, context: BuildContext): Partial<WireBody> {
  const { ignores, onlyWithoutReasoning, vendor } = context.quirks;
  const taken: Partial<WireBody>[] = [];
  for (const hint of hints) {
    if (hint === undefined) continue;
    const [path, field, fields] = hint;
    if (ignores.includes(field)) context.ignored(path, `this model of ${vendor} does not take it`);
    else if (reasons && onlyWithoutReasoning.includes(field)) {
      context.ignored(path, "the model takes it only with reasoning effort NONE");
    } else taken.push(fields);
  }
  return Object.assign({}, ...taken);
}
