import type { CallSettings, Config, ListenerSettings } from "./config.ts";
import type { Path } from "./tree.ts";

/** The sections that are listeners. */
const LISTENERS = ["grpc", "http", "admin"] as const;

type ListenerSection = (typeof LISTENERS)[number];

/** The variable that says of a listener that a proxy ends TLS. That of the others does not hold for the admin listener. */
const PROXY_VARIABLES = {
  grpc: "EP_TLS_TERMINATED_BY_PROXY",
  http: "EP_TLS_TERMINATED_BY_PROXY",
  admin: "EP_ADMIN_TLS_TERMINATED_BY_PROXY",
} as const satisfies Readonly<Record<ListenerSection, string>>;

/** What the configuration declares that only these checks need. */
export interface Declared {
  /** Listeners behind a proxy that ends TLS. */
  readonly behindTlsProxy: Readonly<Record<ListenerSection, boolean>>;
}

/** Reports what makes a configuration unsafe or contradictory as a whole, though each value alone is good. */
export function checkSafety(config: Config, declared: Declared, problem: (path: Path, message: string) => void): void {
  const ports = new Set<number>();
  for (const section of LISTENERS) {
    const listener = config[section];
    if (listener === undefined) continue;
    checkListener(section, listener, config.keys.length > 0, declared.behindTlsProxy[section], problem);
    const { port } = listener;
    if (ports.has(port)) problem([section, "port"], `two listeners would have port ${port}; give them different ones`);
    if (port !== 0) ports.add(port);
  }
  const { limits } = config;
  const checkTimeout = ({ timeoutMs = 0 }: CallSettings, path: Path): void => {
    if (timeoutMs > limits.maxDeadlineMs) problem([...path, "timeout"], "is longer than limits.max_deadline");
  };
  if (limits.defaultDeadlineMs > limits.maxDeadlineMs) {
    problem(["limits", "default_deadline"], "is longer than limits.max_deadline");
  }
  for (const size of ["Chat", "Message"] as const) {
    if (limits[`max${size}Bytes`] <= limits.maxBytesInFlight) continue;
    problem(
      ["limits", "max_in_flight_size"],
      `is smaller than limits.max_${size.toLowerCase()}_size, so that such a request could never be taken`,
    );
  }
  checkTimeout(config.defaults, ["defaults"]);
  for (const section of ["tenants", "personas"] as const) {
    for (const settings of Object.values(config[section])) checkTimeout(settings, [section, settings.name]);
  }
  const byHash = new Map<string, string>();
  for (const { name, sha256 } of config.keys) {
    const other = byHash.get(sha256);
    if (other !== undefined)
      problem(["auth", "keys", name, "sha256"], `is the same key as "${other}"; remove one of them`);
    byHash.set(sha256, name);
  }
}

function checkListener(
  section: ListenerSection,
  { host, tls }: ListenerSettings,
  hasKeys: boolean,
  behindTlsProxy: boolean,
  problem: (path: Path, message: string) => void,
): void {
  if (isLoopbackAddress(host)) return;
  const path = [section, "host"];
  if (!hasKeys) {
    problem(
      path,
      "other machines could call without a key; add one under auth.keys (or EP_AUTH_KEYS_SHA256), or bind 127.0.0.1",
    );
  }
  if (tls === undefined && !behindTlsProxy) {
    problem(
      path,
      `keys and prompts would cross the network in plain text; configure ${section}.tls, or set ${section}.tls_terminated_by_proxy: true ` +
        `(${PROXY_VARIABLES[section]}=1) if a proxy in front of it ends TLS`,
    );
  }
}

/** True for an address that only this machine reaches. Other names may resolve to anything. */
function isLoopbackAddress(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
