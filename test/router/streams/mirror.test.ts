import { expect, test } from "@jest/globals";
import { EventLog } from "../../../src/router/streams/log.ts";
import { createMirror } from "../../../src/router/streams/valkey/mirror.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import type { Valkey } from "../../../src/valkey.ts";
import { waitFor } from "../../support/wait.ts";
import { newHead, wordEvents } from "./store-suite.ts";

/** A server that keeps what it is told as `NAME key`; `before` is asked before it answers. Scripts are `END`. */
function recordingServer(before: (told: string) => void): { readonly valkey: Valkey; readonly told: string[] } {
  const told: string[] = [];
  const tell = async (each: string): Promise<void> => {
    before(each);
    told.push(each);
  };
  const valkey: Valkey = {
    send: (name, key) => tell(`${name} ${String(key).split(":").at(-1)}`),
    run: () => tell("END"),
    block: async () => undefined,
    unblock: async () => undefined,
    subscribe: async () => undefined,
    close: async () => undefined,
  };
  return { valkey, told };
}

const LIMITS = { keepLogMs: 1000, keepEndedMs: 1000, maxEnded: 10 };
const status = () => ({ attempts: [], lastSequence: 0 });

// Mutant seen red: the time taken for set as soon as events are written, so that the log of a process that dies is kept for ever.
test("a log at the server has an end, also if the connection broke just before it was set", async () => {
  let breaks = 1;
  const { valkey, told } = recordingServer((each) => {
    if (each === "PEXPIRE log" && breaks-- > 0) throw new Error("the connection broke");
  });
  const mirror = createMirror({ valkey, owner: "owner", log: createLog("silent"), ...LIMITS });
  const log = new EventLog({ maxBytes: 100_000, onHeld: () => undefined });
  mirror.begin({ head: newHead(), log, status });
  log.append(wordEvents(1, 3));
  await waitFor(() => told.includes("PEXPIRE log"), { what: "the log's end", timeoutMs: 5000 });
  expect(told.filter((each) => each === "XADD log")).toHaveLength(1);
  await mirror.close();
});

// Mutant seen red: the end written although events came while the log's time was set, or its oldest events dropped.
test.each([
  ["its time is set", "PEXPIRE log", 3, ["XADD log", "PEXPIRE log", "XADD log", "END"]],
  ["its oldest events are dropped", "XTRIM log", 600, ["XADD log", "PEXPIRE log", "XTRIM log", "XADD log", "END"]],
] as const)("a log at the server has all events when its stream ends while %s", async (_name, when, events, order) => {
  const head = newHead();
  const log = new EventLog({ maxBytes: 8192, onHeld: () => undefined });
  let isEnded = false;
  const { valkey, told } = recordingServer((each) => {
    if (each !== when || isEnded) return;
    isEnded = true;
    log.append(wordEvents(events + 1, 2));
    mirror.end(head.streamId, { endedAtMs: 1 }, undefined);
  });
  const mirror = createMirror({ valkey, owner: "owner", log: createLog("silent"), ...LIMITS });
  mirror.begin({ head, log, status });
  for (let sequence = 1; sequence <= events; sequence += 1) log.append(wordEvents(sequence, 1));
  await mirror.flushed();
  const ofLog = told.filter((each) => each.endsWith(" log") || each === "END");
  expect(ofLog.filter((each, index) => each !== ofLog[index - 1])).toEqual(order);
  await mirror.close();
});
