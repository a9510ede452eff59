import { TestEnvironment } from "jest-environment-node";

/** Resources that a test owns and must close: sockets, servers, child processes, workers, watchers. */
const owned = new Set([
  "FSEventWrap",
  "PipeServerWrap",
  "PipeWrap",
  "ProcessWrap",
  "StatWatcher",
  "TCPServerWrap",
  "TCPSocketWrap",
  "TLSWrap",
  "UDPWrap",
  "Worker",
]);

/** Closing is asynchronous; a file has this long after its last test before what it holds counts as left open. */
const graceMs = 2_000;

function openResources() {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const name of process.getActiveResourcesInfo()) {
    if (owned.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/**
 * The Node environment, plus one rule: a test file that ends with more open sockets, servers or processes than it
 * started with fails, under its own name.
 */
export default class LeakCheckingEnvironment extends TestEnvironment {
  /** @type {Map<string, number>} */
  #before = new Map();

  /** @override */
  async setup() {
    await super.setup();
    this.#before = openResources();
  }

  /** @override */
  async teardown() {
    try {
      const left = await this.#leftOpen();
      if (left.length > 0) throw new Error(`This test file left open: ${left.join(", ")}. Close what a test opens.`);
    } finally {
      await super.teardown();
    }
  }

  async #leftOpen() {
    const deadline = Date.now() + graceMs;
    while (true) {
      const left = [...openResources()]
        .map(([name, count]) => ({ name, extra: count - (this.#before.get(name) ?? 0) }))
        .filter(({ extra }) => extra > 0)
        .map(({ name, extra }) => `${extra} ${name}`);
      if (left.length === 0 || Date.now() > deadline) return left;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
