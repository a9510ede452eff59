import { createSecureContext } from "node:tls";
import { Secret } from "../secret.ts";
import { buildScope, type Known } from "./build-call-settings.ts";
import type { BuildContext } from "./build-provider.ts";
import type { KeySettings, ListenerSettings, TlsSettings } from "./config.ts";
import { errorCode } from "./error-code.ts";
import type { KeyEntry, TenantEntry } from "./file-schema.ts";
import type { ListenerEntry } from "./listener-schema.ts";
import { didYouMean } from "./nearest.ts";
import { readKeyFile, readTextFile } from "./secrets.ts";
import { type Path, shownName } from "./tree.ts";

/** The tenant of calls by keys that name none, and of those without a key. */
export const DEFAULT_TENANT = "default";

/**
 * Turns an entry of `auth.keys` into its settings. Personas, instances and tenants that do not exist are problems, and so is a key that may use
 * more than its tenant.
 */
export function buildKey(
  name: string,
  entry: KeyEntry,
  known: Known & { readonly tenants: readonly string[] },
  tenant: TenantEntry | undefined,
  context: BuildContext,
): KeySettings {
  const path = ["auth", "keys", name];
  const { tenants } = known;
  if (tenants.length > 0 && entry.tenant !== DEFAULT_TENANT && !tenants.includes(entry.tenant)) {
    const message = `there is no "${shownName(entry.tenant)}" in tenants.${didYouMean(entry.tenant, tenants)}`;
    context.problem([...path, "tenant"], message);
  }
  for (const list of ["personas", "providers", "models"] as const) {
    const allowed = tenant?.[list];
    for (const [index, wanted] of (entry[list] ?? []).entries()) {
      if (allowed === undefined || allowed.includes(wanted)) continue;
      context.problem(
        [...path, list, index],
        `its tenant "${entry.tenant}" may not use it; tenants.${entry.tenant}.${list} says what it may`,
      );
    }
  }
  return {
    name,
    sha256: entry.sha256,
    tenant: entry.tenant,
    roles: entry.roles,
    ...buildScope(path, entry, known, context),
    providerOptions: entry.provider_options,
  };
}

/** Turns `grpc`, `http` or `admin` into the settings of a listener, reading its certificate. */
export function buildListener(
  section: "grpc" | "http" | "admin",
  entry: ListenerEntry,
  context: BuildContext,
): ListenerSettings {
  const tls = entry.tls === undefined ? undefined : buildTls(entry.tls, [section, "tls"], context);
  return { host: entry.host, port: entry.port, ...(tls === undefined ? {} : { tls }) };
}

/** A certificate and key that do not fit would otherwise show only in the first handshake. */
function buildTls(
  entry: NonNullable<ListenerEntry["tls"]>,
  path: Path,
  { secrets, problem }: BuildContext,
): TlsSettings | undefined {
  const certificate = readTextFile(entry.certificate, [...path, "certificate"], secrets);
  const key = readKeyFile(entry.key, [...path, "key"], secrets);
  if (certificate === undefined || key === undefined) return undefined;
  try {
    createSecureContext({ cert: certificate, key });
  } catch (thrown) {
    problem(path, `the certificate and the key are no PEM files that fit together (${errorCode(thrown)})`);
    return undefined;
  }
  return { certificate, key: new Secret(key) };
}
