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

/** Which layer has the last word on each field that any of them sets. */
type Winners = ReadonlyMap<DescField, Source>;

/** Fields of several layers, and what they come to; undefined if none of them sets any. */
export interface Merged<Value> {
  readonly winners: Winners;
  readonly value: Value | undefined;
}

/** Where no layer has said anything. */
export const NOTHING: Merged<never> = { winners: new Map(), value: undefined };

/** Fields that mean something only together: a layer that sets one of them leaves nothing of the others that are below it. */
const GROUPS: readonly ReadonlySet<string>[] = [
  new Set(["effort", "token_budget", "enabled"]),
  new Set(["logprobs", "top_logprobs"]),
];

/** Lays a source over what is below it, which it leaves as it is where it sets nothing. `build` makes the value of fields by local name. */
export function lay<Value>(
  below: Merged<Value>,
  fields: readonly DescField[],
  source: Source,
  build: (values: Readonly<Record<string, unknown>>) => Value,
): Merged<Value> {
  if (source.holder === undefined) return below;
  const set = fields.filter((field) => isSet(field, valueIn(source, field)));
  if (set.length === 0) return below;
  const winners = new Map(below.winners);
  for (const field of outdone(below.winners.keys(), set)) winners.delete(field);
  for (const field of set) winners.set(field, source);
  return { winners, value: build(valuesOf(winners)) };
}

function valuesOf(winners: Winners): Readonly<Record<string, unknown>> {
  const values: Record<string, unknown> = {};
  for (const [field, source] of winners) values[field.localName] = valueIn(source, field);
  return values;
}

/** Notes each field that is set with its origin, by `prefix` and its name in the contract. */
export function noteOrigins({ winners }: Merged<unknown>, prefix: string, note: Note): void {
  for (const [field, source] of winners) {
    const path = `${prefix}${field.name}`;
    note(path, plainValue(field, valueIn(source, field)), source.originOf(path));
  }
}

function valueIn({ holder }: Source, field: DescField): unknown {
  return holder === undefined ? undefined : Reflect.get(holder, field.localName);
}

/** The fields of lower layers that belong together with one that is set now. */
function outdone(below: Iterable<DescField>, set: readonly DescField[]): readonly DescField[] {
  const groups = GROUPS.filter((group) => set.some(({ name }) => group.has(name)));
  return groups.length === 0 ? [] : [...below].filter(({ name }) => groups.some((group) => group.has(name)));
}
