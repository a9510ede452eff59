import { createHash } from "node:crypto";
import { type Limit, limitId } from "../../../limit.ts";
import type { Valkey } from "../../../valkey.ts";
import { orUnavailable } from "./answered.ts";
import { LEDGERS, LIVE, MARK, toldMark } from "./fill-scripts.ts";

/** How long a limit that the server has lost lets nothing through, in milliseconds. */
export interface Closure {
  /** In any case, from the first ledger that has told of it: so long others may take to notice. */
  readonly leastMs: number;
  /** While a ledger of a process that lives has not told. */
  readonly mostMs: number;
}

/** What a server knows of which ledgers have told it what was used, and of which there are. */
export interface FillMarks {
  /** Arguments of a script that looks at the marks of those limits that are hard. */
  argumentsOf(limits: readonly Limit[]): readonly string[];
  /** Arguments of a script that counts what this ledger tells of a limit. */
  ownArguments(limit: Limit): readonly string[];
  /** Which of some limits this ledger has not filled. */
  unfilled(limits: readonly Limit[]): Promise<readonly Limit[]>;
  /** Notes that this ledger has filled a limit; one that was lost lets nothing through yet. */
  mark(limit: Limit, closure: Closure | undefined): Promise<void>;
  /** Notes that this ledger has filled all limits its process knows: nobody waits for it. */
  finish(): Promise<void>;
  /** Says that this process lives, and hears of the others. Never rejects. */
  live(): Promise<void>;
  /** Says that this process ends, so that nobody waits for it. Never rejects. */
  leave(): Promise<void>;
}

/** What marks are made with. */
export interface FillMarksOptions {
  readonly valkey: Pick<Valkey, "send" | "run">;
  /** The keys that all scripts begin with. */
  readonly keys: readonly string[];
  /** Id of this process. */
  readonly owner: string;
  /** Name of its ledger; absent if that has nothing to tell. */
  readonly source: string | undefined;
  /** How long a process counts as alive after it was last heard of, in milliseconds. */
  readonly lifeMs: number;
  /** How often in that time it says that it lives. */
  readonly beats: number;
}

/** Which ledgers have told what was used of which limits, and when limits let something through. */
const FILLED = "ep:{budgets}:filled";
/** What tenants and end users are called does not become part of a name. */
const markName = (limit: Limit): string => createHash("sha256").update(limitId(limit)).digest("base64url");

/** Creates the marks. What it heard of others it remembers for as long as they count as alive, and tells a server that has lost it. */
export function createFillMarks({ valkey, keys, owner, source, lifeMs, beats }: FillMarksOptions): FillMarks {
  const life = String(lifeMs);
  const member = source === undefined ? undefined : `${source}/${owner}`;
  /** How many beats others were not heard of. */
  const silent = new Map<string, number>();

  const ownMark = (limit: Limit): string =>
    source === undefined || limit.window === "now" ? "" : `${markName(limit)}:${source}`;
  const known = (): readonly string[] => [
    ...(member === undefined ? [] : [member, life]),
    ...[...silent].flatMap(([name, missed]) => [name, String(Math.ceil((lifeMs * (beats - missed)) / beats))]),
  ];
  const hear = (heard: ReadonlySet<string>): void => {
    for (const [name, missed] of silent) {
      if (missed + 1 >= beats) silent.delete(name);
      else silent.set(name, missed + 1);
    }
    for (const name of heard) if (name !== member) silent.set(name, 0);
  };
  return {
    argumentsOf: (limits) => [
      FILLED,
      ...limits.flatMap((limit) => (limit.mode === "hard" ? [markName(limit), ownMark(limit)] : ["", ""])),
    ],
    ownArguments: (limit) => [FILLED, ownMark(limit)],
    unfilled: async (limits) => {
      const wanted = limits.filter((limit) => ownMark(limit) !== "");
      if (wanted.length === 0) return [];
      const found = (await orUnavailable(valkey.send("HMGET", FILLED, ...wanted.map(ownMark)))) as readonly unknown[];
      return wanted.filter((_, index) => found[index] === null);
    },
    mark: async (limit, { leastMs, mostMs } = { leastMs: 0, mostMs: 0 }) => {
      const values = [life, FILLED, markName(limit), ownMark(limit), String(leastMs), String(mostMs), ...known()];
      await orUnavailable(valkey.run(MARK, keys, values));
    },
    finish: async () => {
      if (source !== undefined) await orUnavailable(valkey.send("HSET", FILLED, toldMark(source), "1"));
    },
    live: async () => {
      if (member === undefined) return;
      // While the server is away nobody is heard of, and nobody is gone for that.
      const heard = await valkey.run(LIVE, keys, [life, member]).catch(() => undefined);
      if (heard !== undefined) hear(new Set((heard as readonly unknown[]).map(String)));
    },
    leave: async () => {
      if (member !== undefined) await valkey.send("ZREM", LEDGERS, member).catch(() => undefined);
    },
  };
}
