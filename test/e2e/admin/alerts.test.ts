import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { AlertSettings } from "../../../src/alert.ts";
import type { Config } from "../../../src/config/config.ts";
import { Secret } from "../../../src/secret.ts";
import { testConfig } from "../../support/routing.ts";
import { isSigned, type Receiver, startReceiver } from "./receiver.ts";
import { type AdminGateway, chatAs, startAdminGateway } from "./rig.ts";

const SECRET = "a-secret-of-a-receiver";
const BUDGET = { scope: "tenant", window: "month", unit: "tokens", amount: 1_000n, mode: "soft" } as const;

let receiver: Receiver;
let gateway: AdminGateway | undefined;
let directory: string;
beforeEach(async () => {
  receiver = await startReceiver();
  directory = mkdtempSync(join(tmpdir(), "alerts-"));
});
afterEach(async () => {
  await gateway?.stop();
  await receiver.close();
  rmSync(directory, { recursive: true, force: true });
});

const alert = (over: Partial<AlertSettings> = {}): AlertSettings => ({
  url: receiver.url,
  secret: new Secret(SECRET),
  thresholds: [50, 80, 100],
  allowPrivate: true,
  ...over,
});

async function start(config: Partial<Config> = {}): Promise<AdminGateway> {
  const ledger = { ...testConfig().ledger, store: "sqlite" as const, directory };
  gateway = await startAdminGateway({ ledger, budgets: [BUDGET], alerts: [alert()], ...config });
  return gateway;
}

/** Budgets that a first call reaches whole, in order. */
const SMALL = [{ ...BUDGET, amount: 1n }];

// Mutant seen red: an id with the time in it.
test("each threshold of a window is told once, whoever reaches it how often", async () => {
  const running = await start({ budgets: SMALL });
  for (let call = 0; call < 3; call += 1) await chatAs(running, "caller-t");
  await chatAs(running, "admin-u");
  await receiver.wait(6);
  await running.stop();
  gateway = undefined;
  const told = receiver.received.map(({ body }) => `${body.budget.name} ${body.threshold_percent}`).sort();
  expect(told).toEqual(["t 100", "t 50", "t 80", "u 100", "u 50", "u 80"]);
  expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(6);
});

// Mutant seen red: the body signed without its time.
test("an alert is signed, has its id beside it, and says what is used of what", async () => {
  await chatAs(await start({ budgets: SMALL, alerts: [alert({ thresholds: [100] })] }), "caller-t");
  await receiver.wait(1);
  const [first] = receiver.received;
  if (first === undefined) throw new Error("nothing came");
  expect(isSigned(first, SECRET)).toBe(true);
  expect(isSigned({ ...first, text: `${first.text} ` }, SECRET)).toBe(false);
  expect(first.body).toMatchObject({
    id: first.id,
    type: "budget.threshold_reached",
    threshold_percent: 100,
    budget: { scope: "tenant", name: "t", window: "month", unit: "tokens", mode: "soft", amount: "1" },
    window_start: expect.stringMatching(/^\d{4}-\d{2}-01T00:00:00.000Z$/),
  });
});

// Mutants seen red: nothing kept before it is sent; the mark of what was sent left out.
test("a restart neither loses an alert nor sends one anew", async () => {
  receiver.answer(500);
  let running = await start({ budgets: SMALL, alerts: [alert({ thresholds: [100] })] });
  await chatAs(running, "caller-t");
  await receiver.wait(1);
  await running.stop();
  const failed = receiver.received.length;
  receiver.answer(200);
  running = await start({ budgets: SMALL, alerts: [alert({ thresholds: [100] })] });
  await receiver.wait(failed + 1);
  await running.stop();
  running = await start({ budgets: SMALL, alerts: [alert({ thresholds: [100] })] });
  await chatAs(running, "caller-t");
  await chatAs(running, "admin-u");
  await receiver.wait(failed + 2);
  const names = receiver.received.slice(failed).map(({ body }) => body.budget.name);
  expect(names).toEqual(["t", "u"]);
  expect(receiver.received[failed]?.id).toBe(receiver.received[0]?.id);
  expect(receiver.received[failed]?.text).toBe(receiver.received[0]?.text);
});

// Mutant seen red: settle that waits for the outbox.
test("a receiver that does not answer keeps no call waiting, and no other receiver", async () => {
  const dead = await startReceiver();
  dead.answer(undefined);
  const running = await start({
    budgets: SMALL,
    alerts: [alert({ url: dead.url, thresholds: [100] }), alert({ thresholds: [100] })],
  });
  expect(await chatAs(running, "caller-t")).toBeUndefined();
  await Promise.all([dead.wait(1), receiver.wait(1)]);
  expect(await chatAs(running, "caller-t")).toBeUndefined();
  await running.stop();
  gateway = undefined;
  await dead.close();
});

test("a redirect is no success, and is not followed", async () => {
  const elsewhere = await startReceiver();
  receiver.answer(307, elsewhere.url);
  await chatAs(await start({ budgets: SMALL, alerts: [alert({ thresholds: [100] })] }), "caller-t");
  await receiver.wait(2);
  expect(elsewhere.received).toEqual([]);
  await elsewhere.close();
});

// Mutants seen red: an address that is looked at for names alone; a lookup that lets all through.
test.each(["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])(
  "%s is not connected to unless that is allowed",
  async (host) => {
    const { port } = new URL(receiver.url);
    const url = `http://${host}:${port}/guarded`;
    const running = await start({
      budgets: SMALL,
      alerts: [alert({ url, thresholds: [100], allowPrivate: false }), alert({ thresholds: [100] })],
    });
    await chatAs(running, "caller-t");
    await receiver.wait(1);
    await running.stop();
    gateway = undefined;
    expect(receiver.received).toHaveLength(1);
  },
);

test("only budgets of the scope and name that is asked for are told", async () => {
  const budgets = [...SMALL, { ...BUDGET, scope: "persona", amount: 1n } as const];
  const running = await start({ budgets, alerts: [alert({ thresholds: [100], scope: "tenant", name: "u" })] });
  await chatAs(running, "caller-t");
  await chatAs(running, "admin-u");
  await receiver.wait(1);
  await running.stop();
  gateway = undefined;
  expect(receiver.received.map(({ body }) => body.budget)).toMatchObject([{ scope: "tenant", name: "u" }]);
});
