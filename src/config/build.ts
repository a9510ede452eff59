import { createSecureContext } from "node:tls";
import { fromJson } from "@bufbuild/protobuf";
import { type Sampling, SamplingSchema } from "../gen/execution/v1/chat_pb.js";
import { Secret } from "../secret.ts";
import type { BuildContext } from "./build-provider.ts";
import type { KeySettings, ListenerSettings, PersonaSettings, TlsSettings } from "./config.ts";
import { errorCode } from "./error-code.ts";
import type { KeyEntry, ListenerEntry, PersonaEntry } from "./file-schema.ts";
import { didYouMean } from "./nearest.ts";
import { kindVariables } from "./provider-variables.ts";
import { readKeyFile, readTextFile } from "./secrets.ts";
import { type Path, shownName } from "./tree.ts";

/** Turns an entry of `personas` into its settings. Candidates of unknown instances are problems. */
export function buildPersona(
  name: string,
  entry: PersonaEntry,
  providers: readonly string[],
  { kinds, problem }: BuildContext,
): PersonaSettings {
  const candidates = entry.candidates ?? [];
  for (const [index, { provider }] of candidates.entries()) {
    if (providers.includes(provider)) continue;
    const isKind = kinds.some(({ kind }) => kind === provider);
    const hint = isKind
      ? ` Set ${kindVariables(provider).apiKey}, or add it to the file.`
      : didYouMean(provider, providers);
    const known = `the instances are ${providers.join(", ")}.${hint}`;
    problem(
      ["personas", name, "candidates", index, "provider"],
      `there is no provider instance "${shownName(provider)}"; ${known}`,
    );
  }
  return {
    name,
    ...(entry.system === undefined ? {} : { system: entry.system }),
    requires: entry.requires,
    candidates,
    ...(entry.sampling === undefined ? {} : { sampling: buildSampling(entry.sampling) }),
    maxToolTier: entry.max_tool_tier,
    ...(entry.timeout === undefined ? {} : { timeoutMs: entry.timeout }),
  };
}

/** The file's keys are the contract's, so its own JSON form reads them. */
function buildSampling({ seed, logit_bias, ...rest }: NonNullable<PersonaEntry["sampling"]>): Sampling {
  return fromJson(SamplingSchema, {
    ...rest,
    stop: [...(rest.stop ?? [])],
    ...(seed === undefined ? {} : { seed: seed.toString() }),
    ...(logit_bias === undefined ? {} : { logit_bias: Object.fromEntries(logit_bias) }),
  });
}

/** Turns an entry of `auth.keys` into its settings. Personas and instances that do not exist are problems. */
export function buildKey(
  name: string,
  entry: KeyEntry,
  known: { readonly personas: readonly string[]; readonly providers: readonly string[] },
  { problem }: BuildContext,
): KeySettings {
  for (const list of ["personas", "providers"] as const) {
    for (const [index, wanted] of (entry[list] ?? []).entries()) {
      if (known[list].includes(wanted)) continue;
      problem(
        ["auth", "keys", name, list, index],
        `there is no "${shownName(wanted)}" in ${list}.${didYouMean(wanted, known[list])}`,
      );
    }
  }
  return {
    name,
    sha256: entry.sha256,
    tenant: entry.tenant,
    roles: entry.roles,
    ...(entry.personas === undefined ? {} : { personas: entry.personas }),
    ...(entry.providers === undefined ? {} : { providers: entry.providers }),
    ...(entry.models === undefined ? {} : { models: entry.models }),
    providerOptions: entry.provider_options,
  };
}

/** Turns `grpc` or `http` into the settings of a listener, reading its certificate. */
export function buildListener(section: "grpc" | "http", entry: ListenerEntry, context: BuildContext): ListenerSettings {
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
