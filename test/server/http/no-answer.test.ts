import { describe, expect, test } from "@jest/globals";
import { Role } from "../../../src/gen/execution/v1/options_pb.js";
import type { LedgerStore } from "../../../src/ledger/store.ts";
import { createMemoryStore } from "../../../src/ledger/stores/memory.ts";
import { hashKey } from "../../../src/server/auth.ts";
import { ADMIN_SURFACE } from "../../../src/server/http/surface.ts";
import { waitFor, within } from "../../support/wait.ts";
import { type Answer, envelope, post, type Running, type RunOptions, send, withListener } from "./setup.ts";

const KEY = { name: "k", sha256: hashKey("right"), tenant: "t", roles: [Role.PLATFORM_ADMIN], providerOptions: true };
const AUTHORIZED = { authorization: "Bearer right" };

/** Runs a test against a listener whose ledger answers no question before `release`, or the end of the test. */
async function withSilentLedger(
  options: RunOptions,
  run: (running: Running, ledger: { readonly asked: () => number; readonly release: () => void }) => Promise<void>,
): Promise<void> {
  const answering = Promise.withResolvers<void>();
  let asked = 0;
  const ledger = createMemoryStore({ maxSums: 100, maxAttemptIds: 100, metadataKeys: [] });
  const costs: LedgerStore["costs"] = async (query) => {
    asked += 1;
    await answering.promise;
    return ledger.costs(query);
  };
  await withListener({ ...options, routing: { ledger: { ...ledger, costs } } }, async (running) => {
    try {
      await run(running, { asked: () => asked, release: answering.resolve });
    } finally {
      answering.resolve();
    }
  });
}

/** Ways to ask for costs, and how each tells a call whose time is over. */
const WAYS: readonly (readonly [string, (port: number, timeoutMs?: number) => Promise<Answer>, string])[] = [
  ["REST", (port, ms) => send(port, "/v1/costs", { headers: timeout(ms) }), '"reason":"DEADLINE"'],
  [
    "Connect",
    (port, ms) => post(port, "/execution.v1.ExecutionService/Costs", {}, timeout(ms)),
    '"code":"deadline_exceeded"',
  ],
  [
    "gRPC-Web",
    (port, ms) =>
      send(port, "/execution.v1.ExecutionService/Costs", {
        headers: {
          "content-type": "application/grpc-web+proto",
          ...(ms !== undefined && { "grpc-timeout": `${ms}m` }),
        },
        body: envelope(new Uint8Array()),
      }),
    "grpc-status: 4\r\n",
  ],
];

function timeout(ms: number | undefined): Record<string, string> {
  return ms === undefined ? {} : { "connect-timeout-ms": `${ms}` };
}

describe("a unary RPC whose answer does not come", () => {
  // Mutant seen red: `unary` awaits the answer alone.
  test.each(WAYS)("ends at its deadline over %s", async (_, ask, told) => {
    await withSilentLedger({}, async ({ port, dispatcher }) => {
      const answer = await within(ask(port, 100), { what: "the end of the call" });
      expect(answer.text).toContain(told);
      await waitFor(() => dispatcher.running === 0, { what: "the call to be given back" });
    });
  });

  // Mutant seen red: `unary` awaits the answer alone.
  test("ends INTERRUPTED when a drain's time is over, and the drain with it", async () => {
    await withSilentLedger({ limits: { drainMs: 10 } }, async ({ port, listener, dispatcher }, { asked }) => {
      const calls = WAYS.map(([, ask]) => ask(port));
      await waitFor(() => dispatcher.running === WAYS.length && asked() > 0, { what: "the questions" });
      await within(listener.drain(), { what: "the drain" });
      const [rest, connect, grpcWeb] = await Promise.all(calls);
      expect(rest?.json().reason).toBe("INTERRUPTED");
      expect(connect?.json().code).toBe("aborted");
      expect(grpcWeb?.text).toContain("grpc-status: 10\r\n");
    });
  });

  // Mutants seen red: `unary` awaits the answer alone; nobody looks whether the caller is there before, or after, what was used is read.
  test("makes no budget for callers who were told DEADLINE before or while it was read what was used", async () => {
    const options = { surface: ADMIN_SURFACE, config: { keys: [KEY] } };
    await withSilentLedger(options, async ({ port, dispatcher }, { asked, release }) => {
      const make = (unit: string, headers: Record<string, string> = {}): Promise<Answer> => {
        const budget = { scope: "BUDGET_SCOPE_TENANT", window: "BUDGET_WINDOW_DAY", unit, amount: "1" };
        return within(post(port, "/budgets", budget, { ...AUTHORIZED, ...headers }), { what: "the end of the call" });
      };
      const late = ["BUDGET_UNIT_USD", "BUDGET_UNIT_REQUESTS"].map((unit) => make(unit, timeout(100)));
      for (const answer of await Promise.all(late)) expect(answer.json().reason).toBe("DEADLINE");
      await waitFor(() => dispatcher.running === 0, { what: "the calls to be given back" });
      expect(asked()).toBe(1);
      release();
      // The next change has its turn when those are over.
      expect((await make("BUDGET_UNIT_TOKENS")).status).toBe(200);
      expect(asked()).toBe(2);
      const { budgets } = (await send(port, "/budgets", { headers: AUTHORIZED })).json();
      expect(budgets).toMatchObject([{ unit: "BUDGET_UNIT_TOKENS" }]);
    });
  });
});
