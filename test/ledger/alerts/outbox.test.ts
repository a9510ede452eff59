import { createHash } from "node:crypto";
import { expect, test } from "@jest/globals";
import type { AlertSettings } from "../../../src/alert.ts";
import { type Alert, alertId, alertPayload } from "../../../src/ledger/alerts/alert.ts";
import { createOutbox } from "../../../src/ledger/alerts/outbox.ts";
import { createMemoryRecords } from "../../../src/ledger/stores/memory-records.ts";
import { type Limit, limitId } from "../../../src/limit.ts";
import { Secret } from "../../../src/secret.ts";
import { waitFor } from "../../support/wait.ts";

const receiver = (url: string): AlertSettings => ({
  url,
  secret: new Secret("a secret of a test"),
  thresholds: [50],
  allowPrivate: true,
});
const alertOf = (id: string, url: string): Alert => ({ id, url, payload: "{}", isSent: false });

const LIMIT: Limit = { scope: "key", value: "k", window: "total", unit: "usd", amount: 100n, mode: "hard" };

/** An outbox whose one receiver answers, and the other never takes anything. */
function rig(kept: readonly string[] = [], records = createMemoryRecords()) {
  const sent: string[] = [];
  const failures: string[] = [];
  const time = { nowMs: Date.UTC(2026, 10, 26) };
  const outbox = createOutbox({
    records,
    kept: kept.map((body, index) => ({ id: `kept-${index}`, version: 1, body, changedBy: "", changedAtMs: 0 })),
    sender: {
      send: async ({ url }, { id }) => {
        if (url === "https://dead") throw new Error("planted");
        sent.push(id);
      },
      close: async () => undefined,
    },
    receivers: () => [receiver("https://dead"), receiver("https://alive")],
    nowMs: () => time.nowMs,
    random: () => 0.5,
    wait: (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true })),
    onFailure: (what) => failures.push(what),
  });
  return { outbox, sent, failures, time };
}

// Mutant seen red: one number of those that wait, whoever they are for.
test("a receiver that is dead keeps nobody waiting but its own", async () => {
  const { outbox, sent } = rig();
  for (let count = 0; count < 1_000; count += 1) outbox.add(alertOf(`dead-${count}`, "https://dead"));
  expect(outbox.has(alertOf("dead-1000", "https://dead"))).toBe(true);
  expect(outbox.has(alertOf("alive", "https://alive"))).toBe(false);
  outbox.add(alertOf("alive", "https://alive"));
  await waitFor(() => sent.includes("alive"), { what: "the alert of the other receiver" });
  await outbox.close();
});

// Mutants seen red: an alert kept when its turn has come; one that is kept already sent again.
test("what waits behind another alert is kept at once, so that the next process sends it where this one is killed", async () => {
  const records = createMemoryRecords();
  const { outbox, sent } = rig([], records);
  const ids = ["first", "second", "third"];
  for (const id of ids) outbox.add(alertOf(id, "https://dead"));
  await waitFor(async () => (await records.all("alert")).length === 3, { what: "what is kept" });
  const kept = await records.all("alert");
  const alive = kept.map(({ body }) => body.replace("https://dead", "https://alive"));
  const next = rig(alive, records);
  await waitFor(() => next.sent.length === 3, { what: "the alerts of the process that is gone" });
  expect(next.sent).toEqual(ids);
  next.outbox.add(alertOf("second", "https://alive"));
  next.outbox.add(alertOf("fourth", "https://alive"));
  await waitFor(() => next.sent.includes("fourth"), { what: "an alert of its own" });
  expect(next.sent).toEqual([...ids, "fourth"]);
  expect(sent).toEqual([]);
  await Promise.all([outbox.close(), next.outbox.close()]);
});

// Mutant seen red: what cannot be kept known for ever.
test("what cannot be kept is told, not sent, and found out again", async () => {
  const records = createMemoryRecords();
  const change = async () => Promise.reject(new Error("planted"));
  const { outbox, sent, failures } = rig([], { ...records, change });
  const alert = alertOf("one", "https://alive");
  outbox.add(alert);
  expect(outbox.has(alert)).toBe(true);
  await waitFor(() => !outbox.has(alert), { what: "the failure" });
  expect(failures).toEqual(["it could not be kept"]);
  await outbox.close();
  expect(sent).toEqual([]);
});

// Mutant seen red: the body read as it is, which ends the start.
test("what was kept and cannot be read is told, and keeps nothing else", async () => {
  const { outbox, sent, failures } = rig([
    "{half",
    "null",
    '{"id":1}',
    JSON.stringify(alertOf("whole", "https://alive")),
  ]);
  await waitFor(() => sent.includes("whole"), { what: "the alert that can be read" });
  expect(failures).toEqual(Array(3).fill("what was kept of it cannot be read"));
  await outbox.close();
});

// Mutants seen red: forgotten at the start alone; forgotten by another version than the one it has.
test("what was sent is forgotten when its window has been over for a day, while the process runs", async () => {
  const records = createMemoryRecords();
  const { outbox, sent, time } = rig([], records);
  const minute = 60_000;
  const add = async (id: string): Promise<void> => {
    outbox.add({ ...alertOf(id, "https://alive"), windowEndMs: time.nowMs + minute });
    await waitFor(() => sent.includes(id), { what: "the alert" });
  };
  const kept = async () => (await records.all("alert")).map(({ id }) => id);
  await add("first");
  time.nowMs += 86_400_000;
  await add("second");
  expect(await kept()).toEqual(["first", "second"]);
  time.nowMs += minute + 1;
  await add("third");
  await outbox.close();
  expect(await kept()).toEqual(["second", "third"]);
  expect(outbox.has(alertOf("first", "https://alive"))).toBe(false);
});

// Mutants seen red: known by its own id alone; one of this version taken for one of the earlier; the mark that tells them apart not read.
test("an alert that an earlier version has kept, by an id of any amount, is known as that of the amount it tells of", async () => {
  const standing = { limit: LIMIT, subject: "k", windowStartMs: 0, settled: 90n, reserved: 0n };
  const idOf = (amount: bigint) =>
    alertId("https://alive", { ...standing, limit: { ...LIMIT, amount } }, { startMs: 0, endMs: undefined }, 80);
  const about = JSON.stringify(["https://alive", limitId(LIMIT), "k", 0, 80]);
  const earlier = `alert_${createHash("sha256").update(about).digest("hex").slice(0, 32)}`;
  const payload = alertPayload(earlier, standing, { startMs: 0, endMs: undefined }, 80, 0);
  const kept: Alert = { id: earlier, url: "https://alive", payload, isSent: true };
  const { outbox } = rig([JSON.stringify(kept)]);
  expect(outbox.has({ id: idOf(100n), url: "https://alive" })).toBe(true);
  expect(outbox.has({ id: idOf(200n), url: "https://alive" })).toBe(false);
  await outbox.close();
  const own = rig([JSON.stringify({ ...kept, isOfAmount: true })]);
  expect(own.outbox.has({ id: idOf(100n), url: "https://alive" })).toBe(false);
  await own.outbox.close();
});
