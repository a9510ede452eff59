import { describe, expect, test } from "@jest/globals";
import { load, problemsOf } from "./load-from.ts";
import { CERTIFICATE } from "./pem.ts";

const database = async (environment: Readonly<Record<string, string>>, file = "") =>
  (await load({ environment: { EP_LEDGER_STORE: "postgres", ...environment }, file })).config.ledger.database;

const problems = async (url: string) =>
  (await problemsOf({ environment: { EP_LEDGER_STORE: "postgres", EP_LEDGER_URL: url } })).join();

describe("the ledger's database", () => {
  test("is at the URL that is configured, what stands in it decoded", async () => {
    const found = await database({ EP_LEDGER_URL: "postgres://l%40dger:s%3Acret@db:6543/team%20a" });
    expect(found).toMatchObject({ host: "db", port: 6543, user: "l@dger", database: "team a", tls: "verified" });
    expect(found?.password.reveal()).toBe("s:cret");
    expect(JSON.stringify(found)).not.toContain("cret@");
    expect(await database({ EP_LEDGER_URL: "postgresql://u@[::1]/d" })).toMatchObject({ host: "::1", port: 5432 });
  });

  // Mutant seen red: no mode is as `disable`.
  test("is spoken to over TLS that is verified, unless it is on loopback or the URL says otherwise", async () => {
    const tls = async (url: string) => (await database({ EP_LEDGER_URL: url }))?.tls;
    expect(await tls("postgres://u@db/d")).toBe("verified");
    expect(await tls("postgres://u@127.0.0.1/d")).toBe("off");
    expect(await tls("postgres://u@127.0.0.1/d?sslmode=verify-full")).toBe("verified");
    expect(await tls("postgres://u@db/d?sslmode=require")).toBe("encrypted");
    expect(await tls("postgres://u@db/d?sslmode=disable")).toBe("off");
    expect(await problems("postgres://u@db/d?sslmode=prefer")).toContain(
      "sslmode must be one of disable, require, verify-full",
    );
    expect(await problems("postgres://u@db/d?options=-csearch_path%3Dx")).toContain("no parameter but sslmode");
  });

  test("has the authority of its certificate in a file", async () => {
    const environment = {
      EP_LEDGER_STORE: "postgres",
      EP_LEDGER_URL: "postgres://u@db/d",
      EP_LEDGER_CERTIFICATE_AUTHORITY: "ca.pem",
    };
    const found = await load({ environment, files: { "ca.pem": CERTIFICATE } });
    expect(found.config.ledger.database?.certificateAuthority).toBe(CERTIFICATE);
    expect((await problemsOf({ environment })).join()).toContain("there is no such file");
  });

  test("is refused where it is no such URL, and nothing of the URL is repeated", async () => {
    expect(await problems("mysql://u:hunter2@db/d")).toContain("must be a URL such as postgres://user@host:5432");
    expect(await problems("postgres://db/d")).toContain("must be a URL such as postgres://user@host:5432");
    expect(await problems("postgres://u:hunter2@db")).toContain("must end in the name of one database");
    for (const url of ["mysql://u:hunter2@db/d", "postgres://u:hunter2@db", "postgres://u:hunter2@db/d?x=hunter2"]) {
      expect(await problems(url)).not.toContain("hunter2");
    }
  });

  test("may not have its password in the file", async () => {
    const file = "ledger: { store: postgres, url: 'postgres://u:hunter2@db/d' }";
    const said = (await problemsOf({ file })).join();
    expect(said).toContain("a password must not stand in the file");
    expect(said).not.toContain("hunter2");
    expect((await load({ file: "ledger: { store: postgres, url: 'postgres://u@db/d' }" })).config.ledger).toMatchObject(
      {
        database: { host: "db" },
      },
    );
  });

  test("and its store need each other", async () => {
    expect((await problemsOf({ environment: { EP_LEDGER_STORE: "postgres" } })).join()).toContain("ledger.url");
    expect((await problemsOf({ environment: { EP_LEDGER_URL: "postgres://u@db/d" } })).join()).toContain(
      "has no use with the store sqlite",
    );
  });
});
