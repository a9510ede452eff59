import { Role } from "../gen/execution/v1/options_pb.js";
import type { ResolvedValue } from "../gen/execution/v1/plan_pb.js";
import { encodeJson } from "../json-text.ts";
import { Secret } from "../secret.ts";
import type { Principal, ResolvedValue as Value } from "./call.ts";

/** Values that are the operator's own words. Whoever manages them may read them; a caller only sees that they are there. */
const OPERATORS_WORDS: ReadonlySet<string> = new Set(["system"]);

/**
 * The values a call would run with, as `Plan` shows them: in the order of their paths, secrets as `"[secret]"`, and a configured system prompt
 * as `"[hidden]"` but to PLATFORM_ADMIN, and to TENANT_ADMIN if it stands in the settings of the key's own tenant: personas and defaults are
 * shared with others.
 */
export function plannedValues(
  values: ReadonlyMap<string, Value>,
  { roles }: Pick<Principal, "roles">,
): ResolvedValue[] {
  const mayRead = ({ origin }: Value): boolean =>
    roles.includes(Role.PLATFORM_ADMIN) || (roles.includes(Role.TENANT_ADMIN) && /^tenant\b/.test(origin));
  return [...values]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([path, resolved]) => ({
      $typeName: "execution.v1.ResolvedValue",
      path,
      valueJson: OPERATORS_WORDS.has(path) && !mayRead(resolved) ? '"[hidden]"' : encodeJson(plain(resolved.value)),
      origin: resolved.origin,
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
