import { Secret } from "../secret.ts";
import type { BuildContext } from "./build-provider.ts";
import type { Config } from "./config.ts";
import { resolveSecret, type SecretReference } from "./secrets.ts";
import { getIn, type Tree } from "./tree.ts";

const PATH = ["state", "url"];

/** Valkey is spoken to as Redis is. */
const PROTOCOLS: Readonly<Record<string, string>> = {
  "redis:": "redis:",
  "rediss:": "rediss:",
  "valkey:": "redis:",
  "valkeys:": "rediss:",
};

/** One line of anything. */
const ONE_LINE = /^\S+$/;

/** Builds the address of the shared state. Undefined if there is none, or, after a problem, none that is good. */
export function buildState(
  entry: { readonly url: SecretReference; readonly outage_usd?: bigint } | undefined,
  tree: Tree,
  { problem, secrets }: BuildContext,
): Config["state"] {
  if (entry === undefined) return undefined;
  const url = resolveSecret(entry.url, PATH, ONE_LINE, secrets);
  const text = url?.reveal();
  if (url === undefined || text === undefined) return undefined;
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed === undefined || !Object.hasOwn(PROTOCOLS, parsed.protocol)) {
    problem(PATH, "must be a URL such as redis://host:6379, or rediss://host:6379 for TLS");
    return undefined;
  }
  const isInFile = entry.url.from === "inline" && getIn(tree, PATH)?.place.source === "file";
  if (isInFile && parsed.password !== "") {
    problem(
      PATH,
      "a password must not stand in the file; put the URL into a variable and write url: { env: EP_STATE_URL }",
    );
    return undefined;
  }
  parsed.protocol = PROTOCOLS[parsed.protocol] ?? "redis:";
  const { outage_usd: outageNanoUsd } = entry;
  return { url: new Secret(parsed.toString()), ...(outageNanoUsd !== undefined && { outageNanoUsd }) };
}
