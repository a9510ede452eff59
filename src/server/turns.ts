/** How much is done in a turn. */
export interface TurnsOptions {
  /** Most tasks. */
  readonly perTurn: number;
  /** No task is begun once those before it, with all that followed from them at once, took so long. The first one always is. */
  readonly budgetMs: number;
  readonly clockMs: () => number;
}

/** What is done: true, or false if there was nothing to do any more, and then the next one is tried at once. */
export type Task = () => boolean;

/** Takes a task of somebody. */
export type Turns = (owner: object, task: Task) => void;

/**
 * Runs tasks in the next turns of the event loop, and no more in each than its budget allows, so that whoever has a thousand of them does not keep
 * all others waiting. Owners take turns, one task each; the tasks of one are run in their order.
 */
export function createTurns({ perTurn, budgetMs, clockMs }: TurnsOptions): Turns {
  /** In the order in which they are served next. */
  const queues = new Map<object, Task[]>();
  let waiting = 0;
  /** Steps of this turn that have not been made. Each is an immediate of its own, after which its promises are run: they count too. */
  let steps = 0;
  let beganAtMs: number | undefined;

  const take = (): Task | undefined => {
    const [next] = queues;
    if (next === undefined) return undefined;
    const [owner, tasks] = next;
    queues.delete(owner);
    const task = tasks.shift();
    if (tasks.length > 0) queues.set(owner, tasks);
    waiting -= 1;
    return task;
  };
  const step = (): void => {
    steps -= 1;
    try {
      if (beganAtMs === undefined || clockMs() - beganAtMs < budgetMs) {
        beganAtMs ??= clockMs();
        for (let task = take(); task !== undefined && !task(); ) task = take();
      }
    } finally {
      if (steps === 0) begin();
    }
  };
  /** Immediates asked for during a turn are run in the next. */
  const begin = (): void => {
    beganAtMs = undefined;
    steps = Math.min(perTurn, waiting);
    for (let count = 0; count < steps; count += 1) setImmediate(step);
  };

  return (owner, task) => {
    const tasks = queues.get(owner);
    if (tasks === undefined) queues.set(owner, [task]);
    else tasks.push(task);
    waiting += 1;
    // During a turn nothing is added to it.
    if (beganAtMs !== undefined || steps === perTurn) return;
    steps += 1;
    setImmediate(step);
  };
}

/**
 * Does what callers can ask for by the thousand at once: requests are begun here, pieces of large bodies read, and what is late is ended. A call takes
 * some five turns of the event loop from its arrival to its answer, so that each has to be short.
 */
export const inTurn: Turns = createTurns({ perTurn: 8, budgetMs: 4, clockMs: () => performance.now() });
