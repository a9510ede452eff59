import { expect, test } from "@jest/globals";
import { EventLog } from "../../../src/router/streams/log.ts";
import { createMirror } from "../../../src/router/streams/valkey/mirror.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import type { Valkey } from "../../../src/valkey.ts";
import { waitFor } from "../../support/wait.ts";
import { newHead, wordEvents } from "./store-suite.ts";

// Mutant seen red: the time taken for set as soon as events are written, so that the log of a process that dies is kept for ever.
test("a log at the server has an end, also if the connection broke just before it was set", async () => {
  const sent: string[] = [];
  let breaks = 1;
  const valkey: Valkey = {
    send: async (name, key) => {
      if (name === "PEXPIRE" && String(key).endsWith(":log") && breaks-- > 0) throw new Error("the connection broke");
      sent.push(`${name} ${String(key).split(":").at(-1)}`);
    },
    run: async () => undefined,
    block: async () => undefined,
    unblock: async () => undefined,
    subscribe: async () => undefined,
    close: async () => undefined,
  };
  const limits = { keepLogMs: 1000, keepEndedMs: 1000, maxEnded: 10 };
  const mirror = createMirror({ valkey, owner: "owner", log: createLog("silent"), ...limits });
  const log = new EventLog({ maxBytes: 100_000, onHeld: () => undefined });
  mirror.begin({ head: newHead(), log, status: () => ({ attempts: [], lastSequence: 0 }) });
  log.append(wordEvents(1, 3));
  await waitFor(() => sent.includes("PEXPIRE log"), { what: "the log's end", timeoutMs: 5000 });
  expect(sent.filter((each) => each === "XADD log")).toHaveLength(1);
  await mirror.close();
});
