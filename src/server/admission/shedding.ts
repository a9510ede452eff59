import type { Log } from "../../telemetry/log.ts";

/** Why calls are refused that could be served at another time. */
export type ShedReason = "event_loop_lag" | "memory" | "calls" | "calls_per_key" | "request_bytes";

/** Keeps what calls are refused for, and logs when that begins and ends: a line each, however many calls there are. */
export interface Shedding {
  /** Says that calls are refused for a reason from now on. */
  begin(reason: ShedReason): void;
  /** `key` names the API key, where it is for one alone. */
  end(reason: ShedReason, key?: string): void;
  has(reason: ShedReason): boolean;
  /** A call was refused for it: it begins, unless it has begun. */
  refused(reason: ShedReason, key?: string): void;
  /** True while calls are refused for any reason. */
  readonly any: boolean;
  /** Every reason for which calls are refused now, once. */
  reasons(): readonly ShedReason[];
}

interface Episode {
  readonly reason: ShedReason;
  readonly key: string | undefined;
  refused: number;
}

/** Creates it for a process that refuses nothing. */
export function createShedding(log: Log): Shedding {
  const episodes = new Map<string, Episode>();
  const nameOf = (reason: ShedReason, key: string | undefined): string => `${reason} ${key ?? ""}`;
  const begin = (reason: ShedReason, key?: string): Episode => {
    const known = episodes.get(nameOf(reason, key));
    if (known !== undefined) return known;
    const episode = { reason, key, refused: 0 };
    episodes.set(nameOf(reason, key), episode);
    log.warn("calls are refused", { reason, key });
    return episode;
  };
  return {
    begin,
    end: (reason, key) => {
      const episode = episodes.get(nameOf(reason, key));
      if (episode === undefined) return;
      episodes.delete(nameOf(reason, key));
      log.info("calls are not refused any more", { reason, key, refused: episode.refused });
    },
    has: (reason) => episodes.has(nameOf(reason, undefined)),
    refused: (reason, key) => {
      begin(reason, key).refused += 1;
    },
    get any() {
      return episodes.size > 0;
    },
    reasons: () => [...new Set([...episodes.values()].map(({ reason }) => reason))],
  };
}
