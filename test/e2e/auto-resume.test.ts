import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import type { AdapterKind } from "../../src/adapters/adapter.ts";
import { createClient } from "../../src/client/index.ts";
import { textDelta } from "../../src/contract/events.ts";
import { createFaultProxy } from "../chaos/fault-proxy.ts";
import { startTestGateway, testProvider } from "../support/gateway.ts";
import { createScriptedAdapter, finishedEvent } from "../support/scripted-adapter.ts";

const WORDS = 200;

const wordsKind = (called: () => void): AdapterKind => ({
  kind: "words",
  needsKey: false,
  check: () => [],
  create: ({ name }) =>
    createScriptedAdapter({
      name,
      play: async function* ({ step }) {
        called();
        for (let word = 0; word < WORDS; word += 1) {
          await sleep(1);
          yield [textDelta({ step, part: 0 }, `${word} `)];
        }
        yield [finishedEvent()];
      },
    }),
});

// Mutant seen red: a client that does not resume.
test("a chat whose connections are reset again and again is whole, and is asked of the provider once", async () => {
  let calls = 0;
  const gateway = await startTestGateway({
    kinds: [
      wordsKind(() => {
        calls += 1;
      }),
    ],
    providers: [testProvider({ name: "words", kind: "words", defaultModel: "any" })],
  });
  const { hostname, port } = new URL(gateway.grpcUrl);
  const proxy = await createFaultProxy({
    target: { host: hostname, port: Number(port) },
    seed: 7,
    plan: (connection) => (connection < 4 ? { down: [{ kind: "reset", afterBytes: 700 + 150 * connection }] } : {}),
  });
  const client = createClient({ baseUrl: `http://127.0.0.1:${proxy.port}`, autoResume: true });
  try {
    const { text } = await client.persona("default").chat("hi").collect();
    expect(text).toBe(Array.from({ length: WORDS }, (_, word) => `${word} `).join(""));
    expect(proxy.connections()).toBe(5);
    expect(calls).toBe(1);
  } finally {
    client.close();
    await proxy.close();
    await gateway.stop();
  }
});
