import type { AlertSettings } from "../../alert.ts";
import { backoffMs } from "../../backoff.ts";
import type { KeptRecord, RecordStore } from "../records.ts";
import { type Alert, currentId } from "./alert.ts";
import type { AlertSender } from "./send-alert.ts";

/** What the outbox needs from outside. */
export interface OutboxDeps {
  readonly records: RecordStore;
  /** What an earlier process has left. */
  readonly kept: readonly KeptRecord[];
  readonly sender: AlertSender;
  /** The receivers in force. */
  readonly receivers: () => readonly AlertSettings[];
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  readonly random: () => number;
  /** Waits so many milliseconds. Rejects when the signal fires. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Told of what could not be sent, or kept. */
  readonly onFailure: (what: string, id: string, why: string) => void;
}

/** Keeps alerts until they have been sent. */
export interface Outbox {
  /** True if an alert of this id is kept, sent or not, or there is no room for another of its receiver now. */
  has(alert: Pick<Alert, "id" | "url">): boolean;
  /** Keeps an alert at once, then sends it in its turn, as often as it takes. */
  add(alert: Alert): void;
  /** Ends what is being sent: the next process goes on with it. */
  close(): Promise<void>;
}

/** Sort of the records of alerts. */
const SORT = "alert";

/** Alerts that wait to be sent to one receiver, at most; what is more is found out again later. */
const MAX_WAITING = 1_000;

/** Ids that are remembered, at most. */
const MAX_KNOWN = 100_000;

const BACKOFF = { firstMs: 1_000, longestMs: 300_000 };

/** How long an alert is remembered when its window is over: longer than any clock jumps. */
const KEEP_MS = 86_400_000;

/** An alert that was sent, and when it need not be remembered any more. */
interface Sent extends Pick<KeptRecord, "id" | "version"> {
  readonly url: string;
  readonly overMs: number;
}

/** What waits for one receiver. */
interface Line {
  length: number;
  end: Promise<void>;
}

/** The records of alerts in a store. */
export function keptAlerts(records: RecordStore): Promise<readonly KeptRecord[]> {
  return records.all(SORT);
}

/** Creates the outbox. It sends what an earlier process has left, and forgets what is long over whenever there is something new. */
export function createOutbox(deps: OutboxDeps): Outbox {
  const { records, sender, nowMs, random, wait, onFailure } = deps;
  const known = new Set<string>();
  const lines = new Map<string, Line>();
  /** In the order in which they were sent, which is about that in which they are over; what is too many is left to the next start. */
  const sent: Sent[] = [];
  const closing = new AbortController();

  const write = (alert: Alert, version: number): Promise<boolean> => {
    const body = JSON.stringify(alert);
    return records.change({ sort: SORT, id: alert.id, version, body, changedBy: "", changedAtMs: nowMs() });
  };
  /** False if there is nothing to send: one that is kept already was sent, or is in line. */
  const keep = (alert: Alert): Promise<boolean> =>
    write(alert, 0).catch((thrown: unknown) => {
      // It is found out again with the next call.
      known.delete(alert.id);
      onFailure("it could not be kept", alert.id, String(thrown));
      return false;
    });
  const send = async (alert: Alert, version: number): Promise<void> => {
    for (let failures = 0; !closing.signal.aborted; ) {
      const to = deps.receivers().find(({ url }) => url === alert.url);
      if (to === undefined) return onFailure("its receiver is not configured any more", alert.id, "");
      try {
        await sender.send(to, alert, closing.signal);
        await write({ ...alert, isSent: true }, version);
        remember(alert, version + 1);
        return;
      } catch (thrown) {
        if (closing.signal.aborted) return;
        failures += 1;
        onFailure("it could not be sent, and is sent again", alert.id, String(thrown));
        await wait(backoffMs(BACKOFF, failures, random), closing.signal).catch(() => undefined);
      }
    }
  };
  /** One after the other to each receiver: a dead one keeps nobody waiting but its own. */
  const inLine = (url: string, task: () => Promise<void>): void => {
    const line = lines.get(url) ?? { length: 0, end: Promise.resolve() };
    lines.set(url, line);
    line.length += 1;
    line.end = line.end.then(task).finally(() => {
      line.length -= 1;
      if (line.length === 0) lines.delete(url);
    });
  };
  const remember = ({ id, url, windowEndMs }: Alert, version: number): void => {
    if (windowEndMs === undefined || sent.length >= MAX_KNOWN) return;
    sent.push({ id, url, version, overMs: windowEndMs + KEEP_MS });
  };
  const forgetOver = (): void => {
    const now = nowMs();
    for (let first = sent[0]; first !== undefined && first.overMs < now; first = sent[0]) {
      const { id, version, url } = first;
      sent.shift();
      known.delete(id);
      inLine(url, async () => {
        await records.change({ sort: SORT, id, version, changedBy: "", changedAtMs: now }).catch(() => false);
      });
    }
  };
  for (const record of deps.kept) {
    const alert = readAlert(record.body);
    if (alert === undefined) {
      onFailure("what was kept of it cannot be read", record.id, "");
      continue;
    }
    known.add(alert.id).add(currentId(alert));
    if (alert.isSent) remember(alert, record.version);
    else inLine(alert.url, () => send(alert, record.version));
  }
  sent.sort((one, other) => one.overMs - other.overMs);
  forgetOver();
  return {
    has: ({ id, url }) => known.has(id) || (lines.get(url)?.length ?? 0) >= MAX_WAITING,
    add: (alert) => {
      forgetOver();
      known.add(alert.id);
      const [oldest] = known;
      if (known.size > MAX_KNOWN && oldest !== undefined) known.delete(oldest);
      // Not in line: what waits for its receiver must be found by the next process, too.
      const isNew = keep(alert);
      inLine(alert.url, async () => {
        if (await isNew) await send(alert, 1);
      });
    },
    close: async () => {
      closing.abort();
      await Promise.allSettled([...lines.values()].map(({ end }) => end));
      await sender.close();
    },
  };
}

/** An alert as it was kept; undefined if it is none. */
function readAlert(body: string): Alert | undefined {
  try {
    const { id, url, payload, isSent, isOfAmount, windowEndMs } = JSON.parse(body);
    const texts = [id, url, payload];
    if (texts.some((text) => typeof text !== "string") || typeof isSent !== "boolean") return undefined;
    return {
      ...{ id, url, payload, isSent },
      ...(isOfAmount === true && { isOfAmount }),
      ...(typeof windowEndMs === "number" && { windowEndMs }),
    };
  } catch {
    return undefined;
  }
}
