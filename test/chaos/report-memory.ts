import { setTimeout as sleep } from "node:timers/promises";

// Loaded before the gateway's own code: answers the question how much memory it holds once garbage is collected.

/** How long V8 keeps the pages of its heap that are free: 8 s without `--memory-pool-timeout=1`, with which chaos starts gateways. */
const PAGES_KEPT_MS = 1000;

process.on("message", async (message) => {
  if (message !== "memory") return;
  // Buffers are given back some time after their owners are collected.
  for (let pass = 0; pass < 3; pass += 1) {
    globalThis.gc?.();
    await sleep(200);
  }
  // Pages that were kept long enough are given back by the next collection and not before: without it they look like memory that is held.
  await sleep(PAGES_KEPT_MS + 200);
  globalThis.gc?.();
  await sleep(200);
  const { heapUsed, external, rss } = process.memoryUsage();
  process.send?.({ heldBytes: heapUsed + external, rssBytes: rss });
});
process.channel?.unref();
