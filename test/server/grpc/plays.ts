import { setImmediate as turn } from "node:timers/promises";
import { textDelta } from "../../../src/contract/events.ts";
import { finishedEvent, type Play } from "../../support/scripted-adapter.ts";

/** A play that never ends by itself, and what is known of its runs. */
export interface EndlessPlay {
  readonly play: Play;
  /** Reads each run was asked for, by the order they began in. */
  readonly reads: number[];
  /** Runs whose iterator was closed. */
  closed(): number;
}

/** Plays one text a read, for ever, a turn of the event loop each; notices how often it is asked and when it is closed. */
export function playEndlessly(text: string): EndlessPlay {
  const reads: number[] = [];
  let closed = 0;
  return {
    reads,
    closed: () => closed,
    play: async function* ({ step, signal }) {
      const run = reads.push(0) - 1;
      try {
        while (true) {
          signal.throwIfAborted();
          reads[run] = (reads[run] ?? 0) + 1;
          yield [textDelta({ step, part: 0 }, text)];
          await turn();
        }
      } finally {
        closed += 1;
      }
    },
  };
}

/** Says one word, then nothing until its signal fires. */
export const playAndWait: Play = async function* ({ step, signal }) {
  yield [textDelta({ step, part: 0 }, "Wait")];
  await new Promise((resolve) => {
    signal.addEventListener("abort", resolve, { once: true });
  });
  throw signal.reason;
};

/** Says one word, then nothing, whatever happens. */
export const playDead: Play = async function* ({ step }) {
  yield [textDelta({ step, part: 0 }, "Dead")];
  await new Promise(() => undefined);
};

/** Says one word a little later. */
export const playLater: Play = async function* ({ step }) {
  for (let turns = 0; turns < 50; turns += 1) await turn();
  yield [textDelta({ step, part: 0 }, "Later"), finishedEvent()];
};
