import type { DescField } from "@bufbuild/protobuf";
import { isSet, plainValue } from "./layer-values.ts";

/** One layer's word on the fields of a message. */
export interface Source {
  /** The message, or an object with some of its fields. */
  readonly holder: object | undefined;
  /** Where the value at a path stands. */
  readonly originOf: (path: string) => string;
}

/** Told of every value that is in force. */
export type Note = (path: string, value: unknown, origin: string) => void;

/** Fields that mean something only together: a layer that sets one of them leaves nothing of the others that are below it. */
const GROUPS: readonly ReadonlySet<string>[] = [
  new Set(["effort", "token_budget", "enabled"]),
  new Set(["logprobs", "top_logprobs"]),
];

/**
 * The fields that any source sets, by local name, each as the last source says it; undefined if none does. Notes each with its origin, by
 * `prefix` and its name in the contract.
 */
export function mergeFields(
  fields: readonly DescField[],
  prefix: string,
  sources: readonly Source[],
  note: Note,
): Readonly<Record<string, unknown>> | undefined {
  const winning = new Map<DescField, Source>();
  for (const source of sources) {
    const set = fields.filter((field) => isSet(field, valueIn(source, field)));
    for (const field of outdone(winning.keys(), set)) winning.delete(field);
    for (const field of set) winning.set(field, source);
  }
  if (winning.size === 0) return undefined;
  const merged: Record<string, unknown> = {};
  for (const [field, source] of winning) {
    const value = valueIn(source, field);
    const path = `${prefix}${field.name}`;
    merged[field.localName] = value;
    note(path, plainValue(field, value), source.originOf(path));
  }
  return merged;
}

function valueIn({ holder }: Source, field: DescField): unknown {
  return holder === undefined ? undefined : Reflect.get(holder, field.localName);
}

/** The fields of lower layers that belong together with one that is set now. */
function outdone(below: Iterable<DescField>, set: readonly DescField[]): readonly DescField[] {
  const groups = GROUPS.filter((group) => set.some(({ name }) => group.has(name)));
  return groups.length === 0 ? [] : [...below].filter(({ name }) => groups.some((group) => group.has(name)));
}
