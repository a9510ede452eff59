import { createHash } from "node:crypto";
import type { Config, KeySettings } from "../config/config.ts";
import { ExecutionError } from "../errors.ts";
import { Role } from "../gen/execution/v1/options_pb.js";
import type { Principal } from "../router/call.ts";

/** Looks up a request header by its lower-case name. */
export type HeaderLookup = (name: string) => string | undefined;

/** Finds out who calls, from the headers alone. Throws AUTH_INVALID, with one text for everything that can be wrong. */
export type Authenticate = (header: HeaderLookup) => Principal;

/** Everybody, on a listener that has no keys and so is bound to loopback. */
const ANONYMOUS = {
  name: "anonymous",
  tenant: "default",
  roles: Object.freeze([Role.CALLER, Role.VIEWER]),
  providerOptions: true,
};

/**
 * Authenticates by static API key: `authorization: Bearer KEY` or `x-api-key: KEY`. Keys are kept as SHA-256 hashes and looked up by hash, so
 * that the time a look-up takes says nothing about a key. Without any configured key everybody is the anonymous principal of the tenant `default`.
 * A key without a scope of its own has its tenant's; it never has more, which the configuration sees to.
 */
export function createKeyAuthentication({ keys, tenants }: Pick<Config, "keys" | "tenants">): Authenticate {
  if (keys.length === 0) {
    const anonymous = principalOf(ANONYMOUS, tenants);
    return () => anonymous;
  }
  const principals = new Map(keys.map((key) => [key.sha256, principalOf(key, tenants)]));
  return (header) => {
    const key = bearerToken(header("authorization")) ?? header("x-api-key");
    const principal = key === undefined ? undefined : principals.get(hashKey(key));
    if (principal === undefined) {
      throw new ExecutionError(
        "AUTH_INVALID",
        "a valid API key is needed, as `authorization: Bearer KEY` or `x-api-key: KEY`",
      );
    }
    return principal;
  };
}

/** The form in which a key is stored: SHA-256, lower-case hex. */
export function hashKey(key: string): string {
  return createHash("sha256").update(key, "utf8").digest("hex");
}

function bearerToken(value: string | undefined): string | undefined {
  return value === undefined ? undefined : /^bearer +(\S+) *$/i.exec(value)?.[1];
}

function principalOf(key: Omit<KeySettings, "sha256">, tenants: Config["tenants"]): Principal {
  const tenant = Object.hasOwn(tenants, key.tenant) ? tenants[key.tenant] : undefined;
  const personas = key.personas ?? tenant?.personas;
  const providers = key.providers ?? tenant?.providers;
  const models = key.models ?? tenant?.models;
  return Object.freeze({
    tenant: key.tenant,
    key: key.name,
    roles: key.roles,
    providerOptions: key.providerOptions,
    ...(personas !== undefined && { personas }),
    ...(providers !== undefined && { providers }),
    ...(models !== undefined && { models }),
  });
}
