import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { createCleaningClock } from "../cleaning-clock.ts";
import { readAttempts } from "./attempt-reader.ts";
import { createDatabase, isOperatorsError, messageOf } from "./database.ts";
import type { ShipperAnswer, ShipperReady, ShipperRequest, ShipperSettings } from "./messages.ts";
import { readCosts } from "./reader.ts";
import { clean } from "./retention.ts";
import { createShipper } from "./shipper.ts";
import { openSpoolRows } from "./spool-rows.ts";

// The entry of the thread that speaks to the database: rows become statements, and answers sums, where no call has to wait for it.

/** Connections for questions, beside the one for rows, which no question can take. */
const QUESTION_CONNECTIONS = 2;

/** How long a question waits for what was settled here before it was asked. */
const CATCH_UP_MS = 1_000;

/** From one look for what is too old to the next; the second within one. */
const CLEAN_MS = 60_000;
const CLEAN_STEP_MS = 50;

if (parentPort !== null) await run(parentPort, workerData as ShipperSettings);

async function run(port: MessagePort, settings: ShipperSettings): Promise<void> {
  const { directory, retention, metadataKeys } = settings;
  const say = (message: ShipperReady | ShipperAnswer): void => port.postMessage(message);
  const database = createDatabase(settings.database, 1);
  const questions = createDatabase(settings.database, QUESTION_CONNECTIONS);
  const spool = openSpoolRows(directory);
  const { shipped } = spool.marks();
  const lastSeq = Math.max(spool.span().lastSeq, shipped);
  const shipper = createShipper({
    database,
    spool,
    retention,
    metadataKeys,
    nowMs: Date.now,
    told: {
      shipped: (seq) => say({ type: "shipped", seq }),
      renamed: (spoolId) => say({ type: "renamed", spoolId }),
      reached: () => say({ type: "reached" }),
      lost: (thrown) => say({ type: "lost", why: messageOf(thrown) }),
    },
  });
  let outage: string | undefined;
  try {
    await shipper.connect();
  } catch (thrown) {
    outage = messageOf(thrown);
    if (isOperatorsError(thrown)) {
      for (const each of [database, questions]) each.close();
      spool.close();
      return say({ type: "refused", message: outage });
    }
  }
  shipper.start();
  const answer = async (request: ShipperRequest): Promise<ShipperAnswer> => {
    const { type, id } = request;
    if (type === "flush") return { type: "flushed", id, left: await shipper.flushed(request.withinMs) };
    if (type === "attempts") return { type: "page", id, page: await readAttempts(questions, request.query) };
    try {
      const { query } = request;
      if (query.isComplete !== true) await shipper.flushed(CATCH_UP_MS);
      else if (!(await shipper.caughtUp(CATCH_UP_MS))) return { type: "behind", id };
      return { type: "answer", id, answer: await readCosts(questions, query) };
    } catch (thrown) {
      return { type: "failed", id, why: messageOf(thrown) };
    }
  };
  port.on("message", (request: ShipperRequest) => {
    answer(request).then(say, (thrown: unknown) => say({ type: "failed", id: request.id, why: messageOf(thrown) }));
  });
  const cleaningMs = createCleaningClock({ nowMs: Date.now, monotonicMs: () => performance.now() });
  const cleaning = async (): Promise<void> => {
    // A database that is away is told of by the shipper.
    const isMore = await clean(questions, retention, cleaningMs()).catch(() => false);
    setTimeout(cleaning, isMore ? CLEAN_STEP_MS : CLEAN_MS).unref();
  };
  setTimeout(cleaning, CLEAN_STEP_MS).unref();
  say({ type: "ready", lastSeq, shipped, outage });
}
