/**
 * Runs tasks in the next turns of the event loop, in their order, and no more than `perTurn` in each, so that whoever has a thousand of them does not
 * keep all others waiting. A task gives false if it had nothing to do any more, and is then not counted.
 */
export function createTurns(perTurn: number): (task: () => boolean) => void {
  const waiting: (() => boolean)[] = [];
  const turn = (): void => {
    try {
      for (let run = 0; run < perTurn; ) {
        const task = waiting.shift();
        if (task === undefined) return;
        if (task()) run += 1;
      }
    } finally {
      if (waiting.length > 0) setImmediate(turn);
    }
  };
  return (task) => {
    if (waiting.push(task) === 1) setImmediate(turn);
  };
}
