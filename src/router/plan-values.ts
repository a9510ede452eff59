import { Role } from "../gen/execution/v1/options_pb.js";
import type { ResolvedValue } from "../gen/execution/v1/plan_pb.js";
import { encodeJson } from "../json-text.ts";
import { Secret } from "../secret.ts";
import type { Principal, ResolvedValue as Value } from "./call.ts";

/** Values that are the operator's own words. Whoever manages personas may read them; a caller only sees that they are there. */
const OPERATORS_WORDS: ReadonlySet<string> = new Set(["system"]);

const MANAGES_PERSONAS: ReadonlySet<Role> = new Set([Role.TENANT_ADMIN, Role.PLATFORM_ADMIN]);

/**
 * The values a call would run with, as `Plan` shows them: in the order of their paths, secrets as `"[secret]"`, and a configured system prompt
 * as `"[hidden]"` but to a key that manages personas.
 */
export function plannedValues(
  values: ReadonlyMap<string, Value>,
  { roles }: Pick<Principal, "roles">,
): ResolvedValue[] {
  const mayReadAll = roles.some((role) => MANAGES_PERSONAS.has(role));
  return [...values]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([path, { value, origin }]) => ({
      $typeName: "execution.v1.ResolvedValue",
      path,
      valueJson: OPERATORS_WORDS.has(path) && !mayReadAll ? '"[hidden]"' : encodeJson(plain(value)),
      origin,
    }));
}

/** A value without what is no data: secrets are masked, names of message types dropped. */
function plain(value: unknown): unknown {
  if (value instanceof Secret) return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  const members = Object.entries(value).filter(([key]) => !key.startsWith("$"));
  return Object.fromEntries(members.map(([key, member]) => [key, plain(member)]));
}
