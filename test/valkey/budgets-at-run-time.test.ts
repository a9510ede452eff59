import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { ChatError, createClient, Role, text } from "../../src/client/index.ts";
import { hashKey } from "../../src/server/auth.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { connectValkey } from "../../src/valkey.ts";
import { freePort } from "../support/free-port.ts";
import { startServe } from "../support/serve.ts";
import { startValkeyServer } from "../support/valkey-server.ts";
import { waitFor } from "../support/wait.ts";

const KEY = "a-key-of-the-caller";
const CONFIG = `
tenants: { t: {} }
auth: { keys: { k: { sha256: ${hashKey(KEY)}, tenant: t, roles: [caller, platform_admin] } } }
`;

/** A gateway with an embedded ledger of its own. */
async function startProcess(directory: string, stateUrl: string) {
  await writeFile(join(directory, "gateway.yaml"), CONFIG);
  const adminAddress = `127.0.0.1:${await freePort()}`;
  const gateway = await startServe({
    workingDirectory: directory,
    environment: {
      ...{
        EP_CONFIG: "gateway.yaml",
        EP_LOG_LEVEL: "error",
        EP_STATE_URL: stateUrl,
        CALLER_KEY: "a-key-of-the-caller",
      },
      ...{ EP_LEDGER_STORE: "sqlite", EP_ADMIN_ADDR: adminAddress },
    },
  });
  const client = createClient({ baseUrl: gateway.grpcUrl, apiKey: KEY });
  return {
    ask: async (): Promise<string> => {
      try {
        await client.chat({ messages: [{ role: Role.USER, parts: [text("hi")] }] }).collect();
        return "answered";
      } catch (thrown) {
        return thrown instanceof ChatError ? thrown.reason : String(thrown);
      }
    },
    admin: async (method: string, path: string, body?: object) => {
      const answer = await fetch(`http://${adminAddress}${path}`, {
        method,
        headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const said = (await answer.json()) as {
        readonly budget?: { readonly budgetId: string; readonly version: string };
      };
      return said.budget;
    },
    stop: async () => {
      client.close();
      await gateway.stop();
    },
  };
}

test("a budget that is made at one process holds at its peer within seconds, and still does when the server has lost everything", async () => {
  const server = await startValkeyServer();
  const direct = await connectValkey(server.url, createLog("silent"));
  const directories = await Promise.all([1, 2].map(() => mkdtemp(join(tmpdir(), "ep-budgets-"))));
  const gateways: Awaited<ReturnType<typeof startProcess>>[] = [];
  try {
    for (const directory of directories) gateways.push(await startProcess(directory, server.url));
    const [one, other] = gateways;
    if (one === undefined || other === undefined) throw new Error("no gateways");
    const budget = { scope: "BUDGET_SCOPE_TENANT", value: "t", tenant: "t", window: "BUDGET_WINDOW_DAY" };
    const made = await one.admin("POST", "/budgets", { ...budget, unit: "BUDGET_UNIT_REQUESTS", amount: "4" });
    if (made === undefined) throw new Error("no budget was made");
    await waitFor(async () => (await other.admin("GET", `/budgets/${made.budgetId}`))?.version === "1", {
      what: "the budget at the peer",
    });
    expect([await one.ask(), await one.ask(), await other.ask()]).toEqual(["answered", "answered", "answered"]);
    // The roll-ups of an embedded ledger come a little after its rows.
    await waitFor(async () => (await one.ask()) === "BUDGET_EXCEEDED", { what: "the end of the budget" });
    await new Promise((resolve) => {
      setTimeout(resolve, 1_000);
    });
    await direct.send("FLUSHALL");
    const outcomes: string[] = [];
    await waitFor(
      async () => {
        outcomes.push(await one.ask(), await other.ask());
        return outcomes.slice(-2).every((outcome) => outcome === "BUDGET_EXCEEDED");
      },
      { what: "the budget to be back", timeoutMs: 30_000 },
    );
    expect(new Set(outcomes)).toEqual(new Set(["LEDGER_UNAVAILABLE", "BUDGET_EXCEEDED"]));
    const path = `/budgets/${made.budgetId}`;
    expect(await other.admin("GET", path)).toMatchObject({ version: "1", standing: { used: "4" } });
    // Mutant seen red: what counts cannot be reached, and so nothing is shown.
    await direct.send("CONFIG", "SET", "maxmemory", "1");
    const shown = await other.admin("GET", path);
    expect(shown).toMatchObject({ version: "1", amount: "4" });
    expect(shown).not.toHaveProperty("standing");
    expect(await other.admin("PATCH", path, { version: "1", amount: "5" })).toBeUndefined();
  } finally {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await direct.close();
    await server.stop();
    await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })));
  }
});
