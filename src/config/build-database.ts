import { createSecureContext } from "node:tls";
import { Secret } from "../secret.ts";
import type { BuildContext } from "./build-provider.ts";
import type { DatabaseAddress } from "./config.ts";
import { errorCode } from "./error-code.ts";
import type { FileValues } from "./file-schema.ts";
import { readTextFile, resolveSecret } from "./secrets.ts";
import { getIn, type Tree } from "./tree.ts";

const PATH = ["ledger", "url"];

/** One line of anything. */
const ONE_LINE = /^\S+$/;

const DEFAULT_PORT = 5432;

/** The words of PostgreSQL's own clients (postgresql.org/docs/current/libpq-ssl.html) for what TLS has to hold. Those that fall back silently are left out. */
const SSL_MODES: Readonly<Record<string, DatabaseAddress["tls"]>> = {
  disable: "off",
  require: "encrypted",
  "verify-full": "verified",
};

/** Builds the address of the ledger's database. Undefined, after a problem, if there is none that is good. */
export function buildDatabase(
  { url: reference, certificate_authority }: FileValues["ledger"],
  tree: Tree,
  { problem, secrets }: BuildContext,
): DatabaseAddress | undefined {
  if (reference === undefined) {
    problem(PATH, "is missing; the store postgres needs the URL of its database");
    return undefined;
  }
  const text = resolveSecret(reference, PATH, ONE_LINE, secrets)?.reveal();
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const [, database, ...more] = url?.pathname.split("/") ?? [];
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol) || url.hostname === "" || url.username === "") {
    problem(PATH, "must be a URL such as postgres://user@host:5432/database");
    return undefined;
  }
  if (database === undefined || database === "" || more.length > 0) {
    problem(PATH, "must end in the name of one database, such as postgres://user@host:5432/database");
    return undefined;
  }
  if (reference.from === "inline" && getIn(tree, PATH)?.place.source === "file" && url.password !== "") {
    problem(
      PATH,
      "a password must not stand in the file; put the URL into a variable and write url: { env: EP_LEDGER_URL }",
    );
    return undefined;
  }
  const tls = readTls(url, problem);
  const authority = certificate_authority === undefined ? {} : readAuthority(certificate_authority, secrets, problem);
  if (tls === undefined || authority === undefined) return undefined;
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? DEFAULT_PORT : Number(url.port),
    user: decoded(url.username),
    password: new Secret(decoded(url.password)),
    database: decoded(database),
    tls,
    ...authority,
  };
}

/** Without a word for it the certificate is verified, but on loopback, where there is nobody in between. */
function readTls(url: URL, problem: BuildContext["problem"]): DatabaseAddress["tls"] | undefined {
  const unknown = [...url.searchParams.keys()].find((key) => key !== "sslmode");
  if (unknown !== undefined) {
    problem(PATH, "can have no parameter but sslmode");
    return undefined;
  }
  const mode = url.searchParams.get("sslmode");
  if (mode === null) return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname) ? "off" : "verified";
  const tls = Object.hasOwn(SSL_MODES, mode) ? SSL_MODES[mode] : undefined;
  if (tls === undefined) problem(PATH, `sslmode must be one of ${Object.keys(SSL_MODES).join(", ")}`);
  return tls;
}

function readAuthority(
  file: string,
  secrets: BuildContext["secrets"],
  problem: BuildContext["problem"],
): Pick<DatabaseAddress, "certificateAuthority"> | undefined {
  const path = ["ledger", "certificate_authority"];
  const certificateAuthority = readTextFile(file, path, secrets);
  if (certificateAuthority === undefined) return undefined;
  try {
    createSecureContext({ ca: certificateAuthority });
  } catch (thrown) {
    problem(path, `the file has no certificate in PEM (${errorCode(thrown)})`);
    return undefined;
  }
  return { certificateAuthority };
}

/** A part of a URL as it was meant. One with a lone percent sign is taken as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
