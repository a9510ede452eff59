import { createRoster } from "../roster.ts";

/** Runs what is to be done now and then for everything that is going on, by one timer for all. */
export interface Pulse {
  /** Runs something at every beat from now on. Returns what ends that. */
  add(run: () => void): () => void;
}

/** Creates a pulse with so many milliseconds between beats. Its timer runs only while there is something to run, and does not hold the process. */
export function createPulse(everyMs: number): Pulse {
  const running = createRoster<() => void>();
  let timer: ReturnType<typeof setInterval> | undefined;
  const beat = (): void => {
    for (const run of running.all()) run();
    // Ended here and not with the last of them, so that short calls do not start and end a timer each.
    if (running.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
  return {
    add: (run) => {
      timer ??= setInterval(beat, everyMs).unref();
      return running.add(run);
    },
  };
}
