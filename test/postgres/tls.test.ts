import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createDatabase, type DatabaseSettings, isOperatorsError } from "../../src/ledger/stores/postgres/database.ts";
import { createCertificate } from "../support/certificate.ts";
import { type PostgresServer, startPostgresServer } from "../support/postgres-server.ts";

const tls = createCertificate();
let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgresServer({ tls, options: ["-c", "listen_addresses=127.0.0.1,127.0.0.2"] });
});

afterAll(() => server.stop());

/** Whether the server says that TLS is spoken, or what connecting throws. */
async function spoken(settings: Partial<DatabaseSettings>): Promise<unknown> {
  const database = createDatabase({ ...server.settings("postgres"), ...settings }, 1);
  try {
    return await database.use(async (connection) => {
      const [row] = await connection.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
      return row?.[0];
    });
  } catch (thrown) {
    return thrown;
  } finally {
    database.close();
  }
}

// Mutants seen red: `verified` does not reject; the authority is not passed on.
describe("TLS to the database", () => {
  test("is spoken where it is wanted", async () => {
    expect(await spoken({ tls: "off" })).toBe(false);
    expect(await spoken({ tls: "encrypted" })).toBe(true);
    expect(await spoken({ tls: "verified", certificateAuthority: tls.certificate })).toBe(true);
  });

  test("is refused, for the operator to mend, without an authority that vouches for the server, or for another host", async () => {
    const unknown = await spoken({ tls: "verified" });
    expect(unknown).toMatchObject({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    const elsewhere = await spoken({ tls: "verified", host: "127.0.0.2", certificateAuthority: tls.certificate });
    expect(elsewhere).toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID" });
    expect([unknown, elsewhere].map(isOperatorsError)).toEqual([true, true]);
  });
});
