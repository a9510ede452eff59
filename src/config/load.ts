import { dirname, resolve } from "node:path";
import type { AdapterKind } from "../adapters/adapter.ts";
import { buildKey, buildListener, DEFAULT_TENANT } from "./build.ts";
import { buildAlerts } from "./build-alerts.ts";
import { buildCallSettings, buildPersona, buildTenant } from "./build-call-settings.ts";
import { buildLedger } from "./build-ledger.ts";
import { buildBudgets, buildLimits, type KnownNames, type Limited } from "./build-limits.ts";
import { type BuildContext, buildProvider } from "./build-provider.ts";
import { buildState } from "./build-state.ts";
import type { Config, ValueOrigin } from "./config.ts";
import { createProblems, type Problems } from "./config-error.ts";
import { effectiveTree } from "./effective.ts";
import { overlayVariables, readAddress } from "./environment.ts";
import { errorCode } from "./error-code.ts";
import { configSchema } from "./file-schema.ts";
import { DEFAULT_PERSONA, fillIn, namesIn, personasWithoutCandidates } from "./fill-in.ts";
import { deepFreeze } from "./freeze.ts";
import { type LoadedFiles, noteFiles } from "./loaded-files.ts";
import { readPersonaMap, underlayPersonaMap } from "./persona-map.ts";
import { vendorVariable } from "./provider-variables.ts";
import { readPrices } from "./read-prices.ts";
import type { ReadContext, ReadOf } from "./reader.ts";
import { record } from "./record.ts";
import { checkSafety } from "./safety.ts";
import { getIn, isEmpty, mapOf, originText, pathText, placeOf, type Tree } from "./tree.ts";
import { isOn, readVariables, type Variable, type Variables } from "./variables.ts";

/** What loading a configuration needs. Nothing is read but through it. */
export interface LoadConfigInput {
  /** The process's environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Working directory: the `.env` files and the default configuration file are there. */
  readonly cwd: string;
  /** The kinds of provider there are. */
  readonly kinds: readonly AdapterKind[];
  /** The text of a file, undefined if there is none. Throws if it cannot be read. */
  readonly readFile: (path: string) => string | undefined;
  /** Names of what is in a directory; none if it is not there. */
  readonly listFiles: (directory: string) => readonly string[];
  /** Permission bits of a file, undefined if they are not known. */
  readonly fileMode: (path: string) => number | undefined;
  /** Text to take for the configuration file's. */
  readonly fileText?: string;
}

/** A configuration, and what the operator should know about it though it is good. Frozen. */
export interface LoadedConfig {
  readonly config: Config;
  readonly notices: readonly string[];
  /** The files it came from. */
  readonly files: LoadedFiles;
  /** The whole of it as one tree, every default in its place, secrets shown as `[secret]`. */
  readonly effective: () => Tree;
}

/** How calls without a key are called, where no key is configured. */
const ANONYMOUS_KEY = "anonymous";

/** The configuration file that is read where `EP_CONFIG` names none. */
const DEFAULT_FILE = "execution-platform.yaml";

/**
 * Loads the configuration: defaults, over them the file, over it the variables of `.env` files and of the environment. Throws one ConfigError
 * with everything that is wrong. What belongs to one call (persona, request) is laid over it by the router.
 */
export async function loadConfig(world: LoadConfigInput): Promise<LoadedConfig> {
  const { readFile, withText } = noteFiles(world.readFile);
  const input: LoadConfigInput = { ...world, readFile };
  let fileName = DEFAULT_FILE;
  const problems = createProblems(() => fileName);
  const unreadable = (file: string, thrown: unknown): void =>
    problems.add(file, [], `the file cannot be read (${errorCode(thrown)})`);
  const variables = readVariables({ ...input, unreadable });
  const variableFiles = [...withText];
  fileName = variables.get("EP_CONFIG")?.value ?? DEFAULT_FILE;
  const path = resolve(input.cwd, fileName);
  const file = await readConfigFile(input, { path, fileName }, variables.get("EP_CONFIG"), problems);
  const mapped = underlayPersonaMap(
    file,
    await readMap(input, variables.get("EP_PERSONA_PROVIDER_MAP_PATH"), problems),
  );
  const { tree: overlaid, notices: overlayNotices } = overlayVariables(mapped, variables, input.kinds);
  const tree = fillIn(overlaid, variables);
  const origins = new Map<string, ValueOrigin>();
  const read: ReadContext = {
    problem: (path, message, place) => problems.add(place ?? placeOf(tree, path), path, message),
    origin: (path, place) => {
      if (place.source !== "default") origins.set(pathText(path), originText(place));
    },
  };
  const keyFileNotices: string[] = [];
  const context: BuildContext = {
    kinds: input.kinds,
    problem: read.problem,
    isWritten: (path) => getIn(tree, path) !== undefined,
    secrets: {
      variables,
      directory: dirname(path),
      readFile: input.readFile,
      fileMode: input.fileMode,
      problem: read.problem,
      notice: (text) => keyFileNotices.push(text),
    },
  };
  checkSwitch(variables.get("EP_USE_VENDOR_KEYS"), problems);
  checkAddress(variables.get("EP_ADMIN_ADDR"), problems);
  const values = configSchema.read(tree, [], read);
  const prices =
    values?.prices === undefined
      ? undefined
      : await readPrices(values.prices.file, {
          context,
          problems,
          instances: namesIn(tree, "providers"),
          providers: values.providers,
        });
  const built = values && buildConfig(values, tree, origins, { context, cwd: input.cwd });
  const config = built && (prices === undefined ? built : { ...built, prices });
  if (values !== undefined && config !== undefined && !problems.hasIn(["auth", "grpc", "http", "admin", "limits"])) {
    const behindTlsProxy = {
      grpc: values.grpc.tls_terminated_by_proxy,
      http: values.http.tls_terminated_by_proxy,
      admin: values.admin.tls_terminated_by_proxy,
    };
    checkSafety(config, { behindTlsProxy }, read.problem);
  }
  problems.throwIfAny();
  if (config === undefined) throw new TypeError("a configuration without problems was not read");
  const notices = [...overlayNotices, ...keyFileNotices, ...usageNotices(config, overlaid, variables, input)];
  const files: LoadedFiles = { config: withText.has(path) ? path : undefined, variables: variableFiles };
  return deepFreeze({ config, notices, files, effective: () => effectiveTree(tree) });
}

/** The file's tree: empty if there is no file and none was asked for. Throws if the file cannot be read or parsed. */
async function readConfigFile(
  { readFile, fileText }: LoadConfigInput,
  { path, fileName }: { readonly path: string; readonly fileName: string },
  asked: Variable | undefined,
  problems: Problems,
): Promise<Tree> {
  let text = fileText;
  try {
    text ??= readFile(path);
    if (text === undefined && asked !== undefined) problems.add(asked.place, [], `there is no file ${path}`);
  } catch (thrown) {
    problems.add(fileName, [], `the file cannot be read (${errorCode(thrown)})`);
  }
  if (text === undefined) {
    problems.throwIfAny();
    return mapOf({});
  }
  // A start without a file does not pay for the parser.
  const { parseYaml } = await import("./yaml.ts");
  const tree = parseYaml(text, (place, message) => problems.add(place, [], message));
  // What follows from half a file would only mislead.
  if (tree === undefined) problems.throwIfAny();
  if (tree?.kind === "map") return tree;
  if (tree !== undefined && !isEmpty(tree)) {
    problems.add(tree.place, [], 'the file must be a map of keys, such as "providers:"');
    problems.throwIfAny();
  }
  return mapOf({});
}

/** The persona map: empty if no variable names one. */
async function readMap(
  { cwd, readFile }: LoadConfigInput,
  variable: Variable | undefined,
  problems: Problems,
): Promise<ReadonlyMap<string, Tree>> {
  if (variable === undefined) return new Map();
  const name = variable.value.trim();
  try {
    const text = readFile(resolve(cwd, name));
    if (text !== undefined) return await readPersonaMap(name, text, problems.add);
    problems.add(variable.place, [], `there is no file ${resolve(cwd, name)}`);
  } catch (thrown) {
    problems.add(name, [], `the file cannot be read (${errorCode(thrown)})`);
  }
  return new Map();
}

function checkSwitch(variable: Variable | undefined, problems: Problems): void {
  if (variable === undefined || isOn(variable) || ["0", "false"].includes(variable.value.trim())) return;
  problems.add(variable.place, [], "must be 1 or 0");
}

function checkAddress(variable: Variable | undefined, problems: Problems): void {
  if (variable === undefined || readAddress(variable.value) !== undefined) return;
  problems.add(variable.place, [], "must be host:port, such as 127.0.0.1:8001, or off");
}

function buildConfig(
  values: ReadOf<typeof configSchema>,
  tree: Tree,
  origins: ReadonlyMap<string, ValueOrigin>,
  { context, cwd }: { readonly context: BuildContext; readonly cwd: string },
): Config {
  // Names come from the tree, so that a bad instance is not also an unknown one.
  const known = {
    providers: namesIn(tree, "providers"),
    personas: namesIn(tree, "personas"),
    tenants: namesIn(tree, "tenants"),
  };
  const providers = [...values.providers].flatMap(([name, entry]) => buildProvider(name, entry, context) ?? []);
  const personas = [...values.personas].map(([name, entry]) => buildPersona(name, entry, known, context));
  const tenants = [...values.tenants].map(([name, entry]) => buildTenant(name, entry, known, context));
  const keys = [...values.auth.keys].map(([name, entry]) =>
    buildKey(name, entry, known, values.tenants.get(entry.tenant), context),
  );
  const { limits, streams } = values;
  const own = [
    ...buildLimits("tenant", limited(values.tenants)),
    ...buildLimits("key", limited(values.auth.keys)),
    ...buildLimits("persona", limited(values.personas)),
    ...buildLimits("provider", limited(values.providers)),
  ];
  const names: KnownNames = {
    tenant: [...known.tenants, ...keys.map(({ tenant }) => tenant), DEFAULT_TENANT],
    key: [...keys.map(({ name }) => name), ANONYMOUS_KEY],
    persona: known.personas,
    provider: known.providers,
  };
  const state = buildState(values.state, tree, context);
  return {
    providers: record(providers.map((provider) => [provider.name, provider])),
    personas: record(personas.map((persona) => [persona.name, persona])),
    tenants: record(tenants.map((tenant) => [tenant.name, tenant])),
    defaults: buildCallSettings(values.defaults),
    keys,
    grpc: buildListener("grpc", values.grpc, context),
    http: buildListener("http", values.http, context),
    ...(values.admin.enabled && { admin: buildListener("admin", values.admin, context) }),
    allowedHosts: values.allowed_hosts,
    allowedOrigins: values.allowed_origins,
    limits: {
      maxChatBytes: limits.max_chat_size,
      maxMessageBytes: limits.max_message_size,
      maxBytesInFlight: limits.max_in_flight_size,
      maxCalls: limits.max_calls,
      ...(limits.max_calls_per_key === undefined ? {} : { maxCallsPerKey: limits.max_calls_per_key }),
      maxLagMs: limits.max_event_loop_lag,
      ...(limits.max_memory === undefined ? {} : { maxMemoryBytes: limits.max_memory }),
      maxStreamsPerConnection: limits.max_streams_per_connection,
      maxConnections: limits.max_connections,
      maxConnectionsPerPeer: limits.max_connections_per_peer,
      trustedPeers: limits.trusted_peers,
      lockOutMs: limits.lock_out,
      headerTimeoutMs: limits.header_timeout,
      bodyTimeoutMs: limits.body_timeout,
      stallTimeoutMs: limits.stall_timeout,
      defaultDeadlineMs: limits.default_deadline,
      maxDeadlineMs: limits.max_deadline,
      drainMs: limits.drain,
    },
    alerts: buildAlerts(values.alerts, context),
    budgets: [...own, ...buildBudgets(values.budgets, own, names, context)],
    streams: {
      keepLogMs: streams.log_time,
      maxLogBytes: streams.log_size,
      maxLogMemoryBytes: streams.log_memory,
      continueMs: streams.continue_time,
      maxContinued: streams.continue_limit,
      handOverMs: streams.hand_over_time,
    },
    ledger: buildLedger(values, { tree, cwd }, context),
    ...(state === undefined ? {} : { state }),
    logLevel: values.log_level,
    origins,
  };
}

function limited(entries: ReadonlyMap<string, Pick<Limited, "limits">>): readonly Limited[] {
  return [...entries].map(([name, { limits }]) => ({ name, limits }));
}

/** What a good configuration still does not do, though its operator may think so. */
function usageNotices(
  { providers, personas }: Config,
  overlaid: Tree,
  variables: Variables,
  { kinds, cwd, listFiles }: LoadConfigInput,
): readonly string[] {
  const notices: string[] = [];
  const chosen = ["EP_PROVIDER", "EP_MODEL"].filter((name) => variables.has(name));
  if (namesIn(overlaid, "personas").length > 0 && personasWithoutCandidates(overlaid).length === 0) {
    notices.push(...chosen.map((name) => `${name} has no effect: every persona names its candidates`));
  }
  if (personas[DEFAULT_PERSONA] === undefined) {
    notices.push(`there is no persona "${DEFAULT_PERSONA}": requests that name no persona are refused`);
  }
  for (const kind of kinds) {
    const unused =
      vendorVariable(kind, variables) !== undefined &&
      Object.values(providers).every((provider) => provider.kind !== kind.kind);
    if (unused)
      notices.push(`${kind.vendorKeyVariable} is set but not used: EP_USE_VENDOR_KEYS=1 lets it enable ${kind.kind}`);
  }
  const misnamed = "execution-platform.yml";
  if (!variables.has("EP_CONFIG") && listFiles(cwd).includes(misnamed)) {
    notices.push(`${misnamed} is not read: its name must be ${DEFAULT_FILE}, or EP_CONFIG must name it`);
  }
  return notices;
}
