import { joinMembers, jsonMembers } from "../../json-text.ts";
import { asName, asObject, type Field, type ObjectFields, refuse } from "../edge/fields.ts";
import { type PartInit, readCacheControl, stateOf } from "../edge/parts.ts";

/** Vendor whose wire this is: owner of its state and files, and the kind its options are for. */
export const OWNER = "anthropic";

/** A block with its type taken. */
export interface Block {
  readonly field: Field;
  readonly type: string;
  readonly fields: ObjectFields;
}

/** Opens a block. */
export function openBlock(field: Field): Block {
  const fields = asObject(field);
  return { field, type: asName(fields.need("type")), fields };
}

/** The state that keeps a block as it was written. Its cache hint is the part's own, see `cacheHint`. */
export function blockState(field: Field) {
  const members = new Map(jsonMembers(field.raw()));
  members.delete("cache_control");
  return stateOf(OWNER, "block", joinMembers(members));
}

/** Takes a block's cache hint. */
export function cacheHint(fields: ObjectFields): Pick<PartInit, "cacheHint"> {
  const control = fields.take("cache_control");
  return control === undefined ? {} : { cacheHint: readCacheControl(control) };
}

/** A block the contract has no other place for: a part that holds nothing but what was written. */
export function rawPart({ field, fields }: Block): PartInit {
  return { providerState: [blockState(field)], ...cacheHint(fields) };
}

/** Refuses a block whose type has no place where it stands. */
export function refuseBlock({ fields, type }: Block, known: readonly string[]): never {
  const hint = known.includes(type) ? "has no place here" : `must be one of ${known.join(", ")}`;
  return refuse(`${fields.path}.type`, hint);
}
