import type { Adapter, AdapterKind, ProviderSettings } from "./adapters/adapter.ts";
import { createAdapter } from "./adapters/key-pool.ts";
import type { Config } from "./config/config.ts";
import { checkSafety } from "./config/safety.ts";
import { pathText } from "./config/tree.ts";
import { createPriceBook, type PriceBook } from "./ledger/prices/price-book.ts";
import { priceTables } from "./ledger/prices/tables/index.ts";
import type { RoutingState } from "./router/resolve.ts";
import { Secret } from "./secret.ts";
import { type Authenticate, createKeyAuthentication } from "./server/auth.ts";
import { createGuard, type Guard } from "./server/guard.ts";

/** What calls are served with at one time: one configuration, and what is made of it. */
export interface GatewayState extends RoutingState {
  readonly guard: Guard;
  readonly authenticate: Authenticate;
  /** The tables' prices, with the operator's own over them. */
  readonly prices: PriceBook;
}

/** A configuration cannot be put in force; nothing has changed. */
export class ReloadError extends Error {
  override readonly name = "ReloadError";
}

/** Makes adapters; the adapter of an instance whose settings are the same as before is used on. */
export interface StateDeps {
  /** The kinds of provider that can be configured. */
  readonly kinds: readonly AdapterKind[];
  readonly newId: () => string;
}

/** A state that replaces another one. */
export interface Replacement {
  readonly state: GatewayState;
  /** Adapters of the old state that the new one does not use. Calls that began with the old state may still need them. */
  readonly retired: readonly Adapter[];
  /** Paths of settings that differ and that only a new start puts in force (`grpc.port`); the state has them as they were. */
  readonly needsRestart: readonly string[];
}

/** What a running process cannot change: it is bound, or told to libraries, when the listeners open. */
const FIXED = {
  grpc: ["host", "port", "tls"],
  http: ["host", "port", "tls"],
  admin: ["host", "port", "tls"],
  limits: ["maxChatBytes", "maxMessageBytes", "maxStreamsPerConnection"],
  streams: ["keepLogMs", "maxLogBytes", "maxLogMemoryBytes", "continueMs", "maxContinued", "handOverMs"],
  state: ["url"],
  ledger: [
    "store",
    "directory",
    "database",
    "maxSpoolRows",
    "keepRowsMs",
    "keepMinutesMs",
    "keepHoursMs",
    "metadataKeys",
  ],
} as const;

/** The file's words for limits that are fixed. */
const FILE_WORDS: Readonly<Record<string, string>> = {
  maxChatBytes: "max_chat_size",
  maxMessageBytes: "max_message_size",
  maxStreamsPerConnection: "max_streams_per_connection",
  keepLogMs: "log_time",
  maxLogBytes: "log_size",
  maxLogMemoryBytes: "log_memory",
  continueMs: "continue_time",
  maxContinued: "continue_limit",
  handOverMs: "hand_over_time",
  keepRowsMs: "keep_rows",
  keepMinutesMs: "keep_minutes",
  keepHoursMs: "keep_hours",
  metadataKeys: "metadata_keys",
  maxSpoolRows: "max_spool_rows",
};

/** Paths in the file of what stands elsewhere there. */
const FILE_PATHS: Readonly<Record<string, string>> = {
  "ledger.directory": "data_dir",
  "ledger.database": "ledger.url",
};

/** The first state. */
export function createState(config: Config, deps: StateDeps): GatewayState {
  return stateOf(config, createAdapters(config, {}, deps));
}

/**
 * The state that puts a configuration in force over a running one. What only a new start can change stays as it is. Throws a ReloadError if the
 * rest would not be safe with that or nobody would need a key any more, and whatever creating an adapter throws; nothing is left behind then.
 */
export function replaceState(before: GatewayState, wanted: Config, deps: StateDeps): Replacement {
  checkKeysStay(before.config, wanted);
  const needsRestart = Object.entries(FIXED).flatMap(([section, keys]) =>
    keys
      .filter((key) => !isSame(at(before.config, section, key), at(wanted, section, key)))
      .map((key) => FILE_PATHS[`${section}.${key}`] ?? `${section}.${FILE_WORDS[key] ?? key}`),
  );
  const config = withFixed(wanted, before.config);
  checkTogether(config, needsRestart);
  const adapters = createAdapters(config, before.adapters, deps);
  const kept = new Set(Object.values(adapters));
  const retired = Object.values(before.adapters).filter((adapter) => !kept.has(adapter));
  return { state: stateOf(config, adapters), retired, needsRestart };
}

function stateOf(config: Config, adapters: Readonly<Record<string, Adapter>>): GatewayState {
  return Object.freeze({
    config,
    adapters,
    guard: createGuard(config),
    authenticate: createKeyAuthentication(config),
    prices: createPriceBook(priceTables, config.prices),
  });
}

/** Vendors that the operator gave prices of his own and that bill no instance: a slip in the name, or prices for another gateway. */
export function unusedVendors({ config, adapters }: GatewayState): readonly string[] {
  const sellers = new Set(Object.values(adapters).map(({ seller }) => seller));
  return Object.keys(config.prices?.vendors ?? {}).filter((vendor) => !sellers.has(vendor));
}

/** Keys that are gone altogether are far more often a mishap than a wish, and would open the gateway to everybody who reaches it. */
function checkKeysStay(before: Config, wanted: Config): void {
  if (before.keys.length === 0 || wanted.keys.length > 0) return;
  throw new ReloadError(
    "it has no API key, where the one in force has, so that everybody could call without a key; to serve without keys needs a restart",
  );
}

function withFixed(wanted: Config, before: Config): Config {
  const { maxChatBytes, maxMessageBytes, maxStreamsPerConnection } = before.limits;
  const { state: _wantedState, admin: _wantedAdmin, ...rest } = wanted;
  return Object.freeze({
    ...rest,
    ...(before.state === undefined ? {} : { state: before.state }),
    ...(before.admin === undefined ? {} : { admin: before.admin }),
    grpc: before.grpc,
    http: before.http,
    streams: before.streams,
    ledger: before.ledger,
    limits: Object.freeze({ ...wanted.limits, maxChatBytes, maxMessageBytes, maxStreamsPerConnection }),
  });
}

/** A configuration that is good in itself may not be so beside what stays: no keys, say, where the address that is still bound needs some. */
function checkTogether(config: Config, needsRestart: readonly string[]): void {
  const problems: string[] = [];
  // How TLS is ended does not change while the listeners stay.
  checkSafety(config, { behindTlsProxy: { grpc: true, http: true, admin: true } }, (path, message) =>
    problems.push(`${pathText(path)}: ${message}`),
  );
  if (problems.length === 0) return;
  throw new ReloadError(
    `it does not go with what stays as it is until the next start (${needsRestart.join(", ")}): ${problems.join("; ")}`,
  );
}

function createAdapters(
  { providers }: Config,
  before: Readonly<Record<string, Adapter>>,
  { kinds, newId }: StateDeps,
): Readonly<Record<string, Adapter>> {
  const adapters: Record<string, Adapter> = {};
  const created: Adapter[] = [];
  const create = (settings: ProviderSettings): Adapter => {
    const kind = kinds.find((candidate) => candidate.kind === settings.kind);
    if (kind === undefined) throw new Error(`provider instance ${settings.name} has the unknown kind ${settings.kind}`);
    const adapter = createAdapter(kind, settings, { now: Date.now, newId });
    created.push(adapter);
    return adapter;
  };
  try {
    for (const settings of Object.values(providers)) {
      const same = Object.hasOwn(before, settings.name) ? before[settings.name] : undefined;
      adapters[settings.name] = same !== undefined && isSame(same.settings, settings) ? same : create(settings);
    }
  } catch (thrown) {
    for (const adapter of created) adapter.close().catch(() => undefined);
    throw thrown;
  }
  return Object.freeze(adapters);
}

function at(config: Config, section: string, key: string): unknown {
  const settings: unknown = Reflect.get(config, section);
  return typeof settings === "object" && settings !== null ? Reflect.get(settings, key) : undefined;
}

/** True if two settings say the same, secrets included. */
function isSame(left: unknown, right: unknown): boolean {
  if (left instanceof Secret || right instanceof Secret) {
    return left instanceof Secret && right instanceof Secret && left.equals(right);
  }
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) {
    return Object.is(left, right);
  }
  const entries = Object.entries(left);
  return (
    Array.isArray(left) === Array.isArray(right) &&
    entries.length === Object.keys(right).length &&
    entries.every(([key, value]) => Object.hasOwn(right, key) && isSame(value, Reflect.get(right, key)))
  );
}
