/** A number of places to work in. */
export interface Slots {
  /** Takes a place, in line if none is free; gives what leaves it. Rejects with the signal's reason if that fires before. */
  enter(signal: AbortSignal): Promise<() => void>;
}

/** Creates so many places. */
export function createSlots(count: number): Slots {
  let free = count;
  const waiting = new Set<() => void>();
  const leave = (): void => {
    const [next] = waiting;
    if (next === undefined) free += 1;
    else next();
  };
  return {
    enter: async (signal) => {
      signal.throwIfAborted();
      if (free > 0) {
        free -= 1;
        return leave;
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const giveUp = (): void => {
        if (waiting.delete(take)) reject(signal.reason);
      };
      const take = (): void => {
        waiting.delete(take);
        signal.removeEventListener("abort", giveUp);
        resolve();
      };
      waiting.add(take);
      signal.addEventListener("abort", giveUp, { once: true });
      await promise;
      return leave;
    },
  };
}
