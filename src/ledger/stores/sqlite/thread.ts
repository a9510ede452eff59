import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { ownThread, standBack } from "../../../thread-priority.ts";
import { LedgerOpenError } from "../../open-error.ts";
import { createCleaningClock } from "../cleaning-clock.ts";
import { readAttempts } from "./attempt-reader.ts";
import type {
  Question,
  Questions,
  ReaderAnswer,
  ReaderRequest,
  RecordAnswer,
  RecordRequest,
  SpoolMark,
  ThreadReady,
  ThreadSettings,
  WriterAnswer,
  WriterRequest,
} from "./messages.ts";
import { readCosts } from "./reader.ts";
import { unreadable } from "./unreadable.ts";
import { createWriter, LEDGER_FILE, type Writer } from "./writer.ts";

// The entry of the ledger's threads: the writer, beside which the process can do other things while the disk is waited for, and the reader, for which no
// commit has to wait.

/** From a commit to the roll-ups that have its rows, in milliseconds: so many commits share one. */
const ROLL_UP_MS = 500;

/** From one look for what is too old to the next. */
const CLEAN_MS = 60_000;

/** After something that did not work, such as a roll-up on a full disk. */
const AGAIN_MS = 1_000;

/** Between the steps of long work, so that commits come in between. */
const STEP_MS = 5;

const settings = workerData as ThreadSettings;
if (parentPort !== null) {
  if (settings.role === "writer") runWriter(parentPort, settings);
  else runReader(parentPort, settings);
}

function runWriter(port: MessagePort, options: ThreadSettings): void {
  const say = (message: ThreadReady | WriterAnswer): void => port.postMessage(message);
  const writer = opened(port, options, () => createWriter(options));
  if (writer === undefined) return;
  const rollUp = createChore(() => writer.rollUp());
  const cleaningMs = createCleaningClock({ nowMs: Date.now, monotonicMs: () => performance.now() });
  const clean = createChore(() => writer.clean(cleaningMs()));
  const cleaning = setInterval(() => clean.within(0), CLEAN_MS);
  rollUp.within(0);
  clean.within(0);
  port.on("message", (request: WriterRequest) => {
    switch (request.type) {
      case "commit":
        say({ type: "result", result: writer.commit(request.operations) });
        rollUp.within(ROLL_UP_MS);
        return;
      case "probe":
        say({ type: "result", result: writer.probe() });
        return;
      case "mark":
        mark(writer, request);
        return;
      case "change":
      case "records":
        say(recordAnswer(writer, request));
        return;
      case "close":
        clearInterval(cleaning);
        for (const chore of [rollUp, clean]) chore.end();
        close(port, writer);
    }
  });
  say({ type: "ready", recovered: writer.recovered });
}

function mark(writer: Writer, { name, value }: SpoolMark): void {
  try {
    writer.mark({ name, value });
  } catch {
    // The database knows it too, and it is said again.
  }
}

function recordAnswer(writer: Writer, request: RecordRequest): RecordAnswer {
  const { id } = request;
  try {
    const answer = request.type === "change" ? writer.change(request.change) : writer.records(request.sort);
    return { type: "record", id, answer, why: "" };
  } catch (thrown) {
    return { type: "record", id, why: textOf(thrown) };
  }
}

function answer(db: DatabaseSync, question: Question): Questions[keyof Questions]["answer"] {
  switch (question.type) {
    case "costs":
      return readCosts(db, question.query);
    case "attempts":
      return readAttempts(db, question.query);
  }
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function close(port: MessagePort, writer: Writer): void {
  try {
    writer.rollUp();
  } catch {
    // The next start does it.
  }
  writer.close();
  port.close();
}

function runReader(port: MessagePort, { directory }: ThreadSettings): void {
  const say = (message: ThreadReady | ReaderAnswer): void => port.postMessage(message);
  const file = join(directory, LEDGER_FILE);
  const db = opened(port, { directory }, () => new DatabaseSync(file, { readOnly: true, timeout: AGAIN_MS }));
  if (db === undefined) return;
  standBackIfPossible();
  port.on("message", (request: ReaderRequest) => {
    if (request.type === "close") {
      db.close();
      port.close();
      return;
    }
    const { id } = request;
    try {
      say({ type: "answer", id, answer: answer(db, request) });
    } catch (thrown) {
      say({ type: "failed", id, why: textOf(thrown) });
    }
  });
  say({ type: "ready", recovered: 0 });
}

/** Those who serve calls and commit want the processor too. */
function standBackIfPossible(): void {
  try {
    standBack(ownThread());
  } catch {
    // It may not, or this is not Linux: it answers all the same.
  }
}

/** What was opened; undefined after saying why it cannot be. */
function opened<Opened>(
  port: MessagePort,
  { directory }: Pick<ThreadSettings, "directory">,
  open: () => Opened,
): Opened | undefined {
  try {
    return open();
  } catch (thrown) {
    const { message } =
      thrown instanceof LedgerOpenError ? thrown : unreadable(join(directory, LEDGER_FILE), "opened", thrown);
    port.postMessage({ type: "refused", message } satisfies ThreadReady);
    return undefined;
  }
}

/** Work that is done in steps, and later if it does not work now. */
interface Chore {
  /** Does it within so many milliseconds. */
  within(ms: number): void;
  end(): void;
}

function createChore(step: () => boolean): Chore {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  const run = (): void => {
    timer = undefined;
    try {
      if (step()) chore.within(STEP_MS);
    } catch {
      chore.within(AGAIN_MS);
    }
  };
  const chore: Chore = {
    within: (ms) => {
      if (!isOver) timer ??= setTimeout(run, ms);
    },
    end: () => {
      isOver = true;
      clearTimeout(timer);
    },
  };
  return chore;
}
