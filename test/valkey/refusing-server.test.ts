import { expect, test } from "@jest/globals";
import { connectValkey } from "../../src/valkey.ts";
import { startValkeyServer } from "../support/valkey-server.ts";

const WRITE = { text: "return redis.call('SET', KEYS[1], ARGV[1])" };
const READ = { text: "return redis.call('GET', KEYS[1])" };

// Mutants seen red: nothing is logged; a line for each refusal; one that reading ends.
test("a server that is full is in the log once, with its reason, and once when it is over", async () => {
  const server = await startValkeyServer();
  const lines: string[] = [];
  const valkey = await connectValkey(server.url, {
    info: (message) => lines.push(message),
    warn: (message, { cause }) => lines.push(`${message}: ${cause}`),
  });
  await valkey.run(WRITE, ["k"], ["v"]);
  await valkey.send("CONFIG", "SET", "maxmemory", "1");
  for (let count = 0; count < 3; count += 1) {
    await expect(valkey.run(WRITE, ["k"], ["v"])).rejects.toThrow("OOM");
    await valkey.run(READ, ["k"], []);
  }
  await valkey.send("CONFIG", "SET", "maxmemory", "0");
  for (let count = 0; count < 3; count += 1) await valkey.run(WRITE, ["k"], ["v"]);
  expect(lines).toEqual([
    expect.stringMatching(/^the shared state refuses what it is told: .*OOM/),
    "the shared state takes what it is told again",
  ]);
  await valkey.close();
  await server.stop();
});
