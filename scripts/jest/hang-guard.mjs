/** How long the process may live on after the last test, in milliseconds. */
const graceMs = 5_000;

/**
 * Fails a run whose process does not end by itself: a timer or a handle that a test left behind keeps it alive.
 * The guard's own timer does not, so a clean run never waits for it.
 */
export default class HangGuard {
  /** @param {{ watch: boolean, watchAll: boolean }} globalConfig */
  constructor(globalConfig) {
    this.watching = globalConfig.watch || globalConfig.watchAll;
  }

  onRunComplete() {
    if (this.watching) return;
    const timer = setTimeout(() => {
      const left = process.getActiveResourcesInfo().filter((name) => !/TTYWrap|PipeWrap|FSReq/.test(name));
      process.stderr.write(`The tests left something running: ${left.join(", ") || "a handle"}. This fails the run.\n`);
      process.exit(1);
    }, graceMs);
    timer.unref();
  }
}
