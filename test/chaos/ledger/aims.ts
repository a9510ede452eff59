import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import type { Random } from "../../emulators/random.ts";
import type { Biller, Pace } from "./biller.ts";
import type { Callers } from "./callers.ts";

/** What a kill is aimed with, while 32 streams run. */
export interface Aim {
  readonly directory: string;
  readonly biller: Biller;
  readonly callers: Callers;
  readonly random: Random;
}

/** Moments to kill at. Each resolves when the moment has come, with false if it did not come in its time. What was hit is found out afterwards, by what was written and billed. */
export const AIMS: Readonly<Record<string, (aim: Aim) => Promise<boolean>>> = {
  /** Any moment. */
  random: async ({ random }) => sleep(random() * LONGEST_LIFE_MS, true),
  /** New calls have just been sent: few have a row. */
  begin: async ({ callers, random }) => {
    burst(callers);
    return sleep(random() * 6, true);
  },
  /** A new row can be read in the ledger: its request has hardly left. The file is looked at all the time, and shows a row before its fsync is over. */
  row: async ({ directory, callers }) => {
    const since = Date.now();
    return untilLedger(directory, `SELECT count(*) AS n FROM open_attempts WHERE started_at_ms >= ${since}`, () =>
      burst(callers),
    );
  },
  /** A new end can be read in the ledger: its caller has hardly heard of it. */
  settle: async ({ directory, callers }) => {
    const since = Date.now();
    return untilLedger(directory, `SELECT count(*) AS n FROM attempts WHERE ended_at_ms >= ${since}`, () =>
      // They end together, so that there are many to hit.
      burst(callers, { pieces: 2, atOnce: 2, everyMs: 20 }),
    );
  },
  /** The provider has just written an end. */
  end: async ({ biller, random }) => {
    await new Promise<void>((resolve) => {
      biller.onceEnded(resolve);
    });
    return sleep(random() * 3, true);
  },
};

/** Streams are to be older than a second, at the end of which what they used is noted, whatever it is. */
const LONGEST_LIFE_MS = 3_000;

const BURST = 16;

function burst(callers: Callers, pace: Pace = { pieces: 40, atOnce: 1, everyMs: 10 }): void {
  for (let index = 0; index < BURST; index += 1) callers.begin(pace);
}

/** Reads the ledger until a count is above 0; at most 2 s, since there may be nothing to come. Returns whether it was. */
async function untilLedger(directory: string, count: string, begin: () => void): Promise<boolean> {
  const db = new DatabaseSync(join(directory, "data", "ledger.db"), { readOnly: true });
  try {
    const statement = db.prepare(count);
    const endMs = performance.now() + 2_000;
    begin();
    while (performance.now() < endMs) {
      if (Number(statement.get()?.n) > 0) return true;
      await turn();
    }
    return false;
  } finally {
    db.close();
  }
}
