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

/** For so many turns at least, and twice as many at most, it is remembered how many owners there were: a call that a turn begins goes on in some of those after it. */
const REMEMBERED_TURNS = 16;

/** Owns what is nobody's in particular: it has a turn as all others, and as much of each as they leave. */
export const NOBODY: object = {};

/** The tasks of an owner, in their order. */
class Line {
  readonly tasks: Task[] = [];
  /** Tasks that were done in a turn, and in which. */
  done = 0;
  turn = 0;
}

/**
 * Runs tasks in the next turns of the event loop, and no more in each than its budget allows, so that whoever has a thousand of them does not keep
 * all others waiting. Owners take turns, one task each; the tasks of one are run in their order. Where several were waiting of late, each begins no more
 * than its part of a turn, rounded down, even if the others have nothing to begin: their calls go on in these turns. An owner is a connection, a request with
 * a large body, a call of reflection: who has many of them has as many parts.
 */
export function createTurns({ perTurn, budgetMs, clockMs }: TurnsOptions): Turns {
  /** In the order in which they are served next. */
  const lines = new Map<object, Line>();
  let waiting = 0;
  /** Steps of this turn that have not been made. Each is an immediate of its own, after which its promises are run: they count too. */
  let steps = 0;
  let turn = 0;
  let beganAtMs: number | undefined;
  /** The most owners that waited in these turns, and in those before them. */
  let most = 1;
  let mostBefore = 1;

  const open = (): void => {
    beganAtMs = clockMs();
    turn += 1;
    if (turn % REMEMBERED_TURNS === 0) {
      mostBefore = most;
      most = 1;
    }
    most = Math.max(most, lines.size);
  };
  const hasHadItsPart = (owner: object, { done }: Line): boolean =>
    owner !== NOBODY && done >= Math.max(1, Math.floor(perTurn / Math.max(most, mostBefore)));
  /** Does the next task that has something to do, of the first owner that has not had its part. */
  const doNext = (): void => {
    for (const [owner, line] of lines) {
      if (line.turn !== turn) {
        line.turn = turn;
        line.done = 0;
      }
      if (hasHadItsPart(owner, line)) continue;
      const task = line.tasks.shift();
      lines.delete(owner);
      if (line.tasks.length > 0) lines.set(owner, line);
      waiting -= 1;
      line.done += 1;
      if (task?.() === true) return;
      line.done -= 1;
    }
  };
  const step = (): void => {
    steps -= 1;
    try {
      if (beganAtMs === undefined) open();
      else if (clockMs() - beganAtMs >= budgetMs) return;
      doNext();
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
    let line = lines.get(owner);
    if (line === undefined) {
      line = new Line();
      lines.set(owner, line);
    }
    line.tasks.push(task);
    waiting += 1;
    // During a turn nothing is added to it.
    if (beganAtMs !== undefined || steps === perTurn) return;
    steps += 1;
    setImmediate(step);
  };
}

/**
 * Does what callers can ask for by the thousand at once: requests are begun here, pieces of large bodies read, and what is late is ended. A call takes
 * some five turns of the event loop from its arrival to its answer, and one for each piece in which the provider's comes, so that each has to be short.
 */
export const inTurn: Turns = createTurns({ perTurn: 8, budgetMs: 4, clockMs: () => performance.now() });
