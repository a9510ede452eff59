import { afterAll, beforeAll } from "@jest/globals";
import { type PostgresServer, startPostgresServer } from "../support/postgres-server.ts";
import { createLedgers, type Ledgers } from "./ledgers.ts";

/** What the tests of a file have in common. */
export interface LedgersRig {
  readonly server: PostgresServer;
  readonly ledgers: Ledgers;
}

/** Has a server, and ledgers in it, from before a file's first test to after its last. What it returns can be read in tests and hooks. */
export function useLedgers(): LedgersRig {
  const rig: { server?: PostgresServer; ledgers?: Ledgers } = {};
  const begun = <Part>(part: Part | undefined): Part => {
    if (part === undefined) throw new Error("the server has not been started");
    return part;
  };
  beforeAll(async () => {
    rig.server = await startPostgresServer();
    rig.ledgers = createLedgers(rig.server);
  });
  afterAll(async () => {
    await rig.ledgers?.close();
    await rig.server?.stop();
  });
  return {
    get server() {
      return begun(rig.server);
    },
    get ledgers() {
      return begun(rig.ledgers);
    },
  };
}
