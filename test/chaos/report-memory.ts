import { setTimeout as sleep } from "node:timers/promises";

// Loaded before the gateway's own code: answers the question how much memory it holds once garbage is collected.
process.on("message", async (message) => {
  if (message !== "memory") return;
  // Buffers are given back some time after their owners are collected.
  for (let pass = 0; pass < 3; pass += 1) {
    globalThis.gc?.();
    await sleep(200);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  process.send?.({ heldBytes: heapUsed + external, rssBytes: rss });
});
process.channel?.unref();
