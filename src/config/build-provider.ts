import { create } from "@bufbuild/protobuf";
import type { AdapterKind, ModelSettings, ProviderSettings } from "../adapters/adapter.ts";
import { CapabilitySupportSchema } from "../gen/execution/v1/capabilities_pb.js";
import type { Secret } from "../secret.ts";
import type { ModelEntry, ProviderEntry } from "./file-schema.ts";
import { didYouMean } from "./nearest.ts";
import { kindVariables } from "./provider-variables.ts";
import { record } from "./record.ts";
import { resolveSecret, type SecretReference, type SecretSources } from "./secrets.ts";
import type { Path } from "./tree.ts";

/** What turning entries of the file into settings needs. */
export interface BuildContext {
  readonly kinds: readonly AdapterKind[];
  readonly secrets: SecretSources;
  readonly problem: (path: Path, message: string) => void;
  /** True if there is a value at the path, be it good or bad. */
  readonly isWritten: (path: Path) => boolean;
}

/** What a key may consist of, so that a header can carry it. */
const KEY_SHAPE = /^[\x21-\x7e]+$/;
const HEADER_SHAPE = /^[\x20-\x7e]+$/;

/** Headers whose value is always a secret. */
const CREDENTIAL_HEADERS = /^(authorization|proxy-authorization|cookie|(.*-)?api-?key|.*-(token|secret|auth.*))$/i;

/** Turns an entry of `providers` into the settings of an instance. Undefined, after a problem, if its kind is not known. */
export function buildProvider(name: string, entry: ProviderEntry, context: BuildContext): ProviderSettings | undefined {
  const path = ["providers", name];
  const [apiKey, ...moreApiKeys] = buildApiKeys(entry, path, context);
  const headers = buildHeaders(entry.headers, [...path, "headers"], context);
  const kind = context.kinds.find((candidate) => candidate.kind === entry.kind);
  if (kind === undefined) {
    const kinds = context.kinds.map((known) => known.kind);
    const message = `there is no such kind of provider; there is ${kinds.join(", ")}.${didYouMean(entry.kind, kinds)}`;
    context.problem([...path, "kind"], message);
    return undefined;
  }
  checkKeyIsThere(entry, kind, path, context);
  checkTransportOfSecrets(entry, kind, path, context);
  const settings: ProviderSettings = {
    name,
    kind: entry.kind,
    ...(entry.base_url === undefined ? {} : { baseUrl: entry.base_url }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(moreApiKeys.length === 0 ? {} : { moreApiKeys }),
    headers,
    transport: entry.transport,
    timeouts: {
      connectMs: entry.timeouts.connect,
      headersMs: entry.timeouts.headers,
      idleMs: entry.timeouts.idle,
      firstTokenMs: entry.timeouts.first_token,
      ...(entry.timeouts.total === undefined ? {} : { totalMs: entry.timeouts.total }),
    },
    retries: entry.retries,
    ...(entry.breaker.failures === 0
      ? {}
      : { breaker: { failures: entry.breaker.failures, cooldownMs: entry.breaker.cooldown } }),
    ...(entry.region === undefined ? {} : { region: entry.region }),
    ...(entry.spends ? {} : { spends: false }),
    ...(entry.default_model === undefined ? {} : { defaultModel: entry.default_model }),
    models: record([...entry.models].map(([alias, model]) => [alias, buildModel(alias, model)])),
    quirks: entry.quirks,
  };
  for (const { path: below, message } of kind.check(settings)) context.problem([...path, ...below], message);
  return settings;
}

function buildApiKeys(entry: ProviderEntry, provider: Path, context: BuildContext): readonly Secret[] {
  const path = [...provider, "api_key"];
  const references = entry.api_key ?? [];
  return references.flatMap((reference, index) => {
    const at = references.length === 1 ? path : [...path, index];
    return buildApiKey(reference, entry, at, context) ?? [];
  });
}

function buildApiKey(
  reference: SecretReference,
  entry: ProviderEntry,
  path: Path,
  context: BuildContext,
): Secret | undefined {
  if (reference.from === "inline") {
    const kind = context.kinds.find((known) => known.kind === entry.kind);
    const example = kind === undefined ? "api_key: { env: NAME }" : keyExample(kind);
    const mend = `put it into a variable and write ${example}, or into a file and write api_key: { file: path }`;
    context.problem(path, `a key must not stand in the file; ${mend}`);
    return undefined;
  }
  return resolveSecret(reference, path, KEY_SHAPE, context.secrets);
}

function checkKeyIsThere(
  entry: ProviderEntry,
  kind: AdapterKind,
  path: Path,
  { problem, isWritten }: BuildContext,
): void {
  const isPublic = !isWritten([...path, "base_url"]) || entry.base_url === kind.defaultBaseUrl?.replace(/\/+$/, "");
  if (isWritten([...path, "api_key"]) || !kind.needsKey || !isPublic) return;
  const mend = `write ${keyExample(kind)}, or the base_url of a server that needs no key`;
  problem([...path, "api_key"], `is missing; ${mend}`);
}

function keyExample({ kind }: AdapterKind): string {
  return `api_key: { env: ${kindVariables(kind).apiKey} }`;
}

function buildHeaders(
  entries: ReadonlyMap<string, SecretReference>,
  path: Path,
  context: BuildContext,
): Readonly<Record<string, Secret>> {
  const headers = new Map<string, Secret>();
  const seen = new Set<string>();
  for (const [header, reference] of entries) {
    const at = [...path, header];
    if (seen.has(header.toLowerCase())) context.problem(at, "is here a second time; header names know no case");
    seen.add(header.toLowerCase());
    if (reference.from === "inline" && CREDENTIAL_HEADERS.test(header)) {
      context.problem(at, "a credential must not stand in the file; write { env: NAME } or { file: path }");
    }
    const value = resolveSecret(reference, at, HEADER_SHAPE, context.secrets);
    if (value !== undefined) headers.set(header, value);
  }
  return record(headers);
}

/** A secret that leaves this machine in plain text is everybody's on the way. */
function checkTransportOfSecrets(entry: ProviderEntry, kind: AdapterKind, path: Path, { problem }: BuildContext): void {
  const url = URL.parse(entry.base_url ?? kind.defaultBaseUrl ?? "");
  if (url?.protocol !== "http:" || isLoopbackName(url.hostname) || entry.allow_insecure_http) return;
  const hasSecret = [...entry.headers.values(), ...(entry.api_key ?? [])].some((secret) => secret.from !== "inline");
  if (hasSecret) {
    problem(
      [...path, "base_url"],
      "would send a secret over plain http:// to another machine; use https://, or set allow_insecure_http: true if the network between is trusted",
    );
  }
}

/** True for `localhost`, names below it, 127.0.0.0/8 and ::1, bracketed or not. */
function isLoopbackName(name: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i.test(name);
}

function buildModel(alias: string, entry: ModelEntry): ModelSettings {
  return {
    id: entry.id ?? alias,
    capabilities: [...entry.capabilities].map(([capability, support]) =>
      create(CapabilitySupportSchema, { capability, support }),
    ),
    ...(entry.context_window === undefined ? {} : { contextWindow: entry.context_window }),
    ...(entry.max_output_tokens === undefined ? {} : { maxOutputTokens: entry.max_output_tokens }),
    quirks: entry.quirks,
  };
}
