import type { LimitSettings } from "../../config/config.ts";
import { ExecutionError } from "../../errors.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Load } from "./load.ts";
import { isTooMuch } from "./marks.ts";
import { createShedding, type ShedReason } from "./shedding.ts";

/** What is known of a call before its body is read. */
export interface Arriving {
  /** Name of its API key. */
  readonly key: string;
  /** True if it can cost money: such calls are refused first, and those that the load comes from. */
  readonly spends: boolean;
  /** True if it occupies one of the process's slots while it runs. */
  readonly takesSlot: boolean;
}

/** A call that was let in. */
export interface Admitted {
  /** Says how many bytes of a request the call holds; a later number replaces an earlier one. Throws OVERLOADED if the process holds too many. */
  hold(bytes: number): void;
  /** Gives back its slot and its bytes. */
  end(): void;
}

/** Decides which calls are let in. */
export interface Admission {
  /** Lets a call in. Throws OVERLOADED with RetryInfo if there is no room for it. */
  admit(call: Arriving): Admitted;
  /** Takes note of how loaded the process is. */
  sample(load: Load): void;
  /** What calls are refused for now; empty while none are. */
  shedding(): readonly ShedReason[];
  /** Slots that are taken. */
  readonly calls: number;
  /** Request bytes that are held. */
  readonly requestBytes: number;
}

/** What admission needs. */
export interface AdmissionDeps {
  /** The limits in force. */
  readonly limits: () => Pick<LimitSettings, "maxBytesInFlight" | "maxCalls" | "maxCallsPerKey" | "maxLagMs">;
  readonly log: Log;
  /** A number from 0 to below 1. */
  readonly random: () => number;
}

/** Shares of the memory at which calls begin to be refused, and are let in again. */
export const MEMORY_MARKS = { high: 0.9, low: 0.8 } as const;

/** Shares of a limit down to which lag, slots and bytes have to fall before the log and `/health` say that it is over. */
const LAG_LOW = 0.5;
const FULL_LOW = 0.9;

/** A refused caller is told to come back after this long, drawn anew for each so that they do not come together. Milliseconds. */
const RETRY_FROM_MS = 1_000;
const RETRY_SPREAD_MS = 2_000;

/** A request this small is let in by its bytes whatever is held, if it can cost nothing: it may be the one that makes room. */
const SMALL_BYTES = 4_096;

/**
 * Creates the admission of a process that is idle. Lag and memory refuse only calls that spend, and only while others run: the first one cannot be
 * what the load comes from, so that a process whose memory does not shrink still serves.
 */
export function createAdmission({ limits, log, random }: AdmissionDeps): Admission {
  const shedding = createShedding(log);
  const callsOfKey = new Map<string, number>();
  let calls = 0;
  let requestBytes = 0;
  /** The one thing looked at for each call while all is well. */
  let overload: ShedReason | undefined;

  const refuse = (reason: ShedReason, message: string, key?: string): never => {
    shedding.refused(reason, key);
    const retryAfterMs = RETRY_FROM_MS + Math.floor(random() * RETRY_SPREAD_MS);
    throw new ExecutionError("OVERLOADED", message, { retryAfterMs });
  };
  const check = ({ key, spends, takesSlot }: Arriving): void => {
    const { maxBytesInFlight, maxCalls, maxCallsPerKey } = limits();
    if (spends && overload !== undefined && calls > 0) refuse(overload, OVERLOAD_TEXT);
    if (spends && requestBytes >= maxBytesInFlight) refuse("request_bytes", BYTES_TEXT);
    if (!takesSlot) return;
    if (calls >= maxCalls) refuse("calls", "the server runs as many calls as it may at the moment");
    if (maxCallsPerKey !== undefined && (callsOfKey.get(key) ?? 0) >= maxCallsPerKey) {
      refuse("calls_per_key", `this key runs ${maxCallsPerKey} calls at the moment, which is as many as it may`, key);
    }
  };
  const takeSlot = (key: string): void => {
    calls += 1;
    callsOfKey.set(key, (callsOfKey.get(key) ?? 0) + 1);
  };
  const leaveSlot = (key: string): void => {
    calls -= 1;
    const left = (callsOfKey.get(key) ?? 0) - 1;
    if (left > 0) callsOfKey.set(key, left);
    else callsOfKey.delete(key);
  };
  /** Says that it is over where what was full has room again. */
  const noteRoom = (key: string): void => {
    if (!shedding.any) return;
    const { maxBytesInFlight, maxCalls, maxCallsPerKey } = limits();
    if (requestBytes <= maxBytesInFlight * FULL_LOW) shedding.end("request_bytes");
    if (calls <= maxCalls * FULL_LOW) shedding.end("calls");
    const mostOfKey = maxCallsPerKey ?? Number.POSITIVE_INFINITY;
    if ((callsOfKey.get(key) ?? 0) <= mostOfKey * FULL_LOW) shedding.end("calls_per_key", key);
  };
  const note = (reason: ShedReason, isNow: boolean): void => (isNow ? shedding.begin(reason) : shedding.end(reason));

  return {
    admit: (call) => {
      check(call);
      const { key, spends, takesSlot } = call;
      let held = 0;
      let over = false;
      if (takesSlot) takeSlot(key);
      return {
        hold: (bytes) => {
          if (over) return;
          const all = requestBytes - held + bytes;
          const mayPass = !spends && bytes <= SMALL_BYTES;
          if (all > limits().maxBytesInFlight && !mayPass) refuse("request_bytes", BYTES_TEXT);
          requestBytes = all;
          held = bytes;
        },
        end: () => {
          if (over) return;
          over = true;
          requestBytes -= held;
          if (takesSlot) leaveSlot(key);
          noteRoom(key);
        },
      };
    },
    sample: ({ lagMs, memoryShare }) => {
      const { maxLagMs } = limits();
      const isLate = isTooMuch(shedding.has("event_loop_lag"), lagMs, { high: maxLagMs, low: maxLagMs * LAG_LOW });
      const isFull = isTooMuch(shedding.has("memory"), memoryShare, MEMORY_MARKS);
      note("event_loop_lag", isLate);
      note("memory", isFull);
      overload = isFull ? "memory" : isLate ? "event_loop_lag" : undefined;
    },
    shedding: shedding.reasons,
    get calls() {
      return calls;
    },
    get requestBytes() {
      return requestBytes;
    },
  };
}

const BYTES_TEXT = "the server holds too many request bytes at the moment";
const OVERLOAD_TEXT = "the server has more to do than it can at the moment";
