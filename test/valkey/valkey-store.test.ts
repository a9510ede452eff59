import { afterAll, beforeAll } from "@jest/globals";
import type { MemoryStreamLimits } from "../../src/router/streams/memory-store.ts";
import { createValkeyStreamStore } from "../../src/router/streams/valkey/valkey-store.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { describePeerRouters } from "../router/streams/peer-suite.ts";
import { describeStreamStore, type StoresUnderTest } from "../router/streams/store-suite.ts";
import { startValkeyServer, type ValkeyServer } from "../support/valkey-server.ts";

let server: ValkeyServer;
let processes = 0;

beforeAll(async () => {
  server = await startValkeyServer();
});

afterAll(async () => {
  await server.stop();
});

const open = (limits: MemoryStreamLimits, nowMs: () => number) => {
  processes += 1;
  return createValkeyStreamStore({
    url: server.url,
    limits,
    nowMs,
    owner: `owner-${processes}`,
    log: createLog("warn"),
  });
};

async function openBoth(limits: MemoryStreamLimits, nowMs: () => number): Promise<StoresUnderTest> {
  const [owner, peer] = [await open(limits, nowMs), await open(limits, nowMs)];
  return {
    owner,
    peer,
    close: async () => {
      await Promise.all([owner.close(), peer.close()]);
    },
  };
}

describeStreamStore("the stream store in Valkey or Redis", openBoth);
describePeerRouters("two routers over the stream store in Valkey or Redis", openBoth);
