import { Socket } from "node:net";
import pg from "pg";
import { LedgerOpenError } from "../../open-error.ts";

/** Where a database is, and how it is spoken to. */
export interface DatabaseSettings {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** `off`: in the clear. `encrypted`: whoever answers. `verified`: only who has a certificate for the host. */
  readonly tls: "off" | "encrypted" | "verified";
  /** Certificates (PEM) of the authorities that may vouch for it, instead of the system's. */
  readonly certificateAuthority?: string;
}

/** A value of a parameter. */
export type Parameter = string | number | bigint | readonly string[] | null;

/** A row, its columns in order. bigint and numeric come as their digits. */
export type DatabaseRow = readonly unknown[];

/** One connection, while it is lent. */
export interface Connection {
  /** Runs a statement with values for `$1`, `$2` ... Rejects with what the driver says. */
  query(text: string, values?: readonly Parameter[]): Promise<readonly DatabaseRow[]>;
}

/** A few connections to a database, which are made when they are needed. */
export interface Database {
  /** Lends a connection. One whose use failed is not used again: nobody knows what the server is doing on it. */
  use<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result>;
  /** The same in a transaction, begun by `begin`. */
  transaction<Result>(begin: string, work: (connection: Connection) => Promise<Result>): Promise<Result>;
  /** Cuts all connections at once. */
  close(): void;
}

/** To connect, in milliseconds, and how often a server that says nothing is asked whether it is there. */
const CONNECT_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;

/** A statement that takes longer is ended by the server, and by us if the server does not answer any more. Milliseconds. */
const STATEMENT_MS = 8_000;
const QUERY_MS = 10_000;

/** How long a lock is waited for, and how long the server keeps the locks of a transaction that has gone silent. Milliseconds. */
const LOCK_MS = 5_000;
const SILENT_MS = 10_000;

/** Creates the connections to a database, none of them yet. */
export function createDatabase(settings: DatabaseSettings, maxConnections: number): Database {
  const sockets = new Set<Socket>();
  const { host, port, user, password, database } = settings;
  const pool = new pg.Pool({
    host,
    port,
    user,
    // As a function, so that the driver does not look for another one in the environment or the home directory.
    password: () => password,
    database,
    ssl: tlsOptions(settings),
    stream: () => {
      const socket = new Socket();
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      return socket;
    },
    max: maxConnections,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: QUERY_MS,
    statement_timeout: STATEMENT_MS,
    lock_timeout: LOCK_MS,
    idle_in_transaction_session_timeout: SILENT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    application_name: "execution-platform",
    client_encoding: "UTF8",
  });
  // A connection that breaks while nobody uses it is replaced when somebody does.
  pool.on("error", () => undefined);
  const use: Database["use"] = async (work) => {
    const client = await pool.connect();
    // What breaks while it is lent is told by the statement that fails.
    const ignore = (): void => undefined;
    client.on("error", ignore);
    try {
      const result = await work({
        query: async (text, values = []) => {
          const { rows } = await client.query<unknown[]>({ text, values: [...values], rowMode: "array" });
          return rows;
        },
      });
      client.release();
      return result;
    } catch (thrown) {
      client.release(true);
      throw thrown;
    } finally {
      client.off("error", ignore);
    }
  };
  return {
    use,
    transaction: (begin, work) =>
      use(async (connection) => {
        await connection.query(begin);
        const result = await work(connection);
        await connection.query("COMMIT");
        return result;
      }),
    close: () => {
      pool.end().catch(() => undefined);
      for (const socket of sockets) socket.destroy();
    },
  };
}

function tlsOptions({ tls, certificateAuthority }: DatabaseSettings): pg.PoolConfig["ssl"] {
  if (tls === "off") return false;
  if (tls === "encrypted") return { rejectUnauthorized: false };
  return { rejectUnauthorized: true, ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }) };
}

/**
 * SQLSTATE codes of what only the operator can mend: wrong password (28P01), no such user or not from here (28000), no such database (3D000), missing
 * privileges (42501); postgresql.org/docs/current/errcodes-appendix.html.
 */
const OPERATOR_CODES: ReadonlySet<string> = new Set(["28P01", "28000", "3D000", "42501"]);

/** Codes of Node's for a certificate that is not accepted; nodejs.org/api/tls.html#x509-certificate-error-codes. */
const CERTIFICATE_CODE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/;

/** How `pg` says that the server does no TLS. */
const NO_TLS = /does not support SSL/;

/** True for what is no outage: it stays as it is until the operator changes something. */
export function isOperatorsError(thrown: unknown): boolean {
  if (thrown instanceof LedgerOpenError) return true;
  const code = codeOf(thrown);
  return OPERATOR_CODES.has(code) || CERTIFICATE_CODE.test(code) || NO_TLS.test(messageOf(thrown));
}

/** The code of an error of the driver's, the server's or Node's; empty if it has none. */
function codeOf(thrown: unknown): string {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : "";
}

/** What an error says, and what those it is made of say. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof AggregateError) return thrown.errors.map(messageOf).join("; ");
  return thrown instanceof Error ? thrown.message : String(thrown);
}
