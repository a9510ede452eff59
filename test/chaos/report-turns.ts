// Loaded before the gateway's own code: answers the question how long the longest turn of its event loop was since the last time it was asked,
// in CPU time of its thread. Whatever else the machine does is not in it, so that it says the same on a busy machine as on a quiet one.

let longestMs = 0;
let turns = 0;
let lastMs = cpuMs();
let sinceMs = lastMs;

/** Runs once in each turn, after whatever the turn had to do, and keeps no turn from waiting: an immediate without a reference makes none. */
function beat(): void {
  const nowMs = cpuMs();
  longestMs = Math.max(longestMs, nowMs - lastMs);
  turns += 1;
  lastMs = nowMs;
  setImmediate(beat).unref();
}

/** CPU time of this thread so far. Linux brings it up to date for who asks for the process's; by itself it is as old as the last tick (4 ms). */
function cpuMs(): number {
  process.cpuUsage();
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

setImmediate(beat).unref();
process.on("message", (message) => {
  if (message !== "turns") return;
  process.send?.({ longestMs, turns, cpuMs: lastMs - sinceMs });
  longestMs = 0;
  turns = 0;
  sinceMs = lastMs;
});
process.channel?.unref();
