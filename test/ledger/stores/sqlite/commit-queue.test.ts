import { describe, expect, test } from "@jest/globals";
import { createCommitQueue } from "../../../../src/ledger/stores/sqlite/commit-queue.ts";
import type { CommitResult } from "../../../../src/ledger/stores/sqlite/messages.ts";
import type { Operation } from "../../../../src/ledger/stores/sqlite/wire.ts";
import { waitFor } from "../../../support/wait.ts";

const operation = (kind: Operation["kind"], id: string = kind): Operation => ({ kind, values: [id] });
const DONE: CommitResult = { outcome: "done", why: "", isWritable: true, commitMs: 0 };
const FAILED: CommitResult = { outcome: "failed", why: "planted", isWritable: false, commitMs: 0 };

function rig() {
  let now = 0;
  const sent: (readonly string[])[] = [];
  const kinds: (readonly string[])[] = [];
  const whys: string[] = [];
  const changes: boolean[] = [];
  const queue = createCommitQueue({
    send: (operations) => {
      sent.push(operations.map(({ values }) => String(values[0])));
      kinds.push(operations.map(({ kind }) => kind));
    },
    nowMs: () => now,
    onChange: (isWritable, why) => {
      changes.push(isWritable);
      whys.push(why);
    },
  });
  const outcomeOf = async (promise: Promise<void>): Promise<string> =>
    promise.then(
      () => "done",
      ({ reason }) => String(reason),
    );
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { queue, sent, kinds, changes, whys, outcomeOf, turn, pass: (ms: number) => (now += ms) };
}

/** Mutants seen red: each is sent for itself; a second batch is sent while the first is written; ends that failed are dropped. */
describe("the queue before the writer", () => {
  test("sends what comes in one turn together, and what comes while that is written after it", async () => {
    const { queue, sent, outcomeOf, turn, pass } = rig();
    const first = [queue.add(operation("open", "a")), queue.add(operation("open", "b"))].map(outcomeOf);
    await turn();
    const second = outcomeOf(queue.add(operation("settle", "a")));
    queue.note(operation("checkpoint", "b"));
    await turn();
    expect(sent).toEqual([["a", "b"]]);
    pass(1);
    queue.result(DONE);
    expect(await Promise.all(first)).toEqual(["done", "done"]);
    expect(sent).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
    queue.result(DONE);
    expect(await second).toBe("done");
    await queue.close();
  });

  // Mutant seen red: sends in a microtask, before the turn is over.
  test("sends what is added in later microtasks of a turn along", async () => {
    const { queue, sent, outcomeOf, turn } = rig();
    const first = outcomeOf(queue.add(operation("open", "a")));
    await new Promise((resolve) => process.nextTick(resolve));
    const second = outcomeOf(queue.add(operation("open", "b")));
    await turn();
    expect(sent).toEqual([["a", "b"]]);
    queue.result(DONE);
    expect(await Promise.all([first, second])).toEqual(["done", "done"]);
    await queue.close();
  });

  // Mutants seen red: a commit that was shared is followed at once; one that was not is waited after too.
  test("lets more share what comes soon after a commit that was shared, and keeps nobody waiting who is alone", async () => {
    const { queue, sent, turn, pass } = rig();
    const add = (...ids: readonly string[]): void => {
      for (const id of ids) queue.add(operation("open", id)).catch(() => undefined);
    };
    add("alone");
    await turn();
    queue.result(DONE);
    add("a", "b");
    await turn();
    expect(sent).toEqual([["alone"], ["a", "b"]]);
    pass(0.5);
    add("c");
    queue.result(DONE);
    await turn();
    add("d");
    expect(sent).toHaveLength(2);
    await waitFor(() => sent.length === 3, { what: "the next commit" });
    expect(sent[2]).toEqual(["c", "d"]);
    queue.result(DONE);
    await queue.close();
  });

  test("refuses what is to begin while nothing can be written, keeps what has ended, and writes it when it can", async () => {
    const { queue, sent, changes, outcomeOf, turn } = rig();
    const opened = outcomeOf(queue.add(operation("open")));
    const settled = outcomeOf(queue.add(operation("settle")));
    queue.note(operation("checkpoint"));
    await turn();
    queue.result(FAILED);
    expect(await opened).toBe("LEDGER_UNAVAILABLE");
    expect(queue.isWritable()).toBe(false);
    expect(await outcomeOf(queue.add(operation("open")))).toBe("LEDGER_UNAVAILABLE");
    await waitFor(() => sent.length === 2, { what: "another try" });
    expect(sent[1]).toEqual(["settle"]);
    queue.result(DONE);
    expect(await settled).toBe("done");
    expect(changes).toEqual([false, true]);
    await queue.close();
  });

  test("lets nobody wait for ever: after 5 s whoever ended is told, and it is written all the same", async () => {
    const { queue, sent, outcomeOf, turn, pass } = rig();
    const settled = outcomeOf(queue.add(operation("settle")));
    await turn();
    pass(5_001);
    queue.result(FAILED);
    expect(await settled).toBe("LEDGER_UNAVAILABLE");
    await waitFor(() => sent.length === 2, { what: "another try" });
    queue.result(DONE);
    await queue.close();
    expect(sent).toEqual([["settle"], ["settle"]]);
  });

  test("asks whether it can write again although nothing waits", async () => {
    const { queue, sent, outcomeOf, turn } = rig();
    const opened = outcomeOf(queue.add(operation("open")));
    await turn();
    queue.result(FAILED);
    await opened;
    await waitFor(() => sent.length === 2, { what: "a question" });
    expect(sent[1]).toEqual([]);
    queue.result(DONE);
    expect(queue.isWritable()).toBe(true);
    await queue.close();
  });

  test("gives everything up when the writer is gone", async () => {
    const { queue, outcomeOf, turn } = rig();
    const opened = outcomeOf(queue.add(operation("open")));
    await turn();
    queue.fail("planted");
    expect(await opened).toBe("LEDGER_UNAVAILABLE");
    expect(await outcomeOf(queue.add(operation("settle")))).toBe("LEDGER_UNAVAILABLE");
  });
});

/**
 * Mutants seen red: nobody looks at what is out; opens that wait are kept, or those that are out are not refused; ends are dropped, or refused before they have waited;
 * nothing is writable after the answer; what was refused and is written is not taken back, or though it is not written.
 */
describe("a disk that does not answer", () => {
  const UNAVAILABLE = "LEDGER_UNAVAILABLE";

  test("for 5 s cannot be written to: what is to begin is refused, and what has ended is written when it answers", async () => {
    const { queue, sent, kinds, changes, whys, outcomeOf, turn, pass } = rig();
    const out = [queue.add(operation("open", "a")), queue.add(operation("settle", "b"))].map(outcomeOf);
    await turn();
    const waiting = [queue.add(operation("open", "c")), queue.add(operation("settle", "d"))].map(outcomeOf);
    pass(4_999);
    let late = "";
    const lateDone = outcomeOf(queue.add(operation("settle", "e"))).then((outcome) => {
      late = outcome;
    });
    expect(queue.isWritable()).toBe(true);
    pass(1);
    expect(await Promise.all([...out, ...waiting])).toEqual([UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE]);
    expect(queue.isWritable()).toBe(false);
    expect(whys).toEqual(["the disk has not answered for 5 s"]);
    expect(await outcomeOf(queue.add(operation("open", "f")))).toBe(UNAVAILABLE);
    await turn();
    expect(late).toBe("");
    pass(4_999);
    await lateDone;
    expect(late).toBe(UNAVAILABLE);
    const last = outcomeOf(queue.add(operation("settle", "g")));
    queue.result(DONE);
    expect(changes).toEqual([false, true]);
    await waitFor(() => sent.length === 2, { what: "what waited" });
    expect(sent[1]).toEqual(["a", "d", "e", "g"]);
    expect(kinds[1]).toEqual(["close", "settle", "settle", "settle"]);
    queue.result(DONE);
    expect(await last).toBe("done");
    expect(await queue.close()).toBe(true);
    expect(sent).toHaveLength(2);
  });

  test.each([{ ...FAILED }, { ...DONE, outcome: "opens_refused", isWritable: false } as const])(
    "and then has not written what was refused leaves nothing to take back: %j",
    async (result) => {
      const { queue, kinds, outcomeOf, turn, pass } = rig();
      const out = [queue.add(operation("open")), queue.add(operation("settle"))].map(outcomeOf);
      await turn();
      pass(5_000);
      await Promise.all(out);
      queue.result(result);
      await waitFor(() => kinds.length === 2, { what: "another try" });
      expect(kinds[1]).toEqual(result.outcome === "failed" ? ["settle"] : []);
      queue.result(DONE);
      await queue.close();
      expect(kinds).toHaveLength(2);
    },
  );

  test("and fails to take back what was refused is told so again", async () => {
    const { queue, kinds, outcomeOf, turn, pass } = rig();
    const opened = outcomeOf(queue.add(operation("open")));
    await turn();
    pass(5_000);
    await opened;
    queue.result(DONE);
    queue.result(FAILED);
    await waitFor(() => kinds.length === 3, { what: "another try" });
    expect(kinds).toEqual([["open"], ["close"], ["close"]]);
    queue.result(DONE);
    await queue.close();
  });

  // Mutants seen red: notes wait one by one; those of what has ended are kept; none is taken while the disk hangs.
  test("has one note of each attempt waiting for it, the newest, and none of what has ended", async () => {
    const { queue, sent, kinds, outcomeOf, turn, pass } = rig();
    const note = (attemptId: string, what: string): void =>
      queue.note({ kind: "checkpoint", values: [what, attemptId] });
    const opened = outcomeOf(queue.add(operation("open", "x")));
    await turn();
    for (const second of [1, 2, 3]) for (const id of ["a", "b", "c"]) note(id, `${id}${second}`);
    pass(5_000);
    await opened;
    note("a", "a4");
    queue.add(operation("settle", "c")).catch(() => undefined);
    queue.result({ ...DONE, outcome: "opens_refused" });
    await waitFor(() => sent.length === 2, { what: "what waited" });
    expect(sent[1]).toEqual(["c", "a4", "b3"]);
    expect(kinds[1]).toEqual(["settle", "checkpoint", "checkpoint"]);
    queue.result(DONE);
    await queue.close();
  });

  // Mutant seen red: one look is enough.
  test("is not one whose answer this process has not read yet, because it was stopped or busy", async () => {
    const { queue, changes, outcomeOf, turn, pass } = rig();
    const opened = outcomeOf(queue.add(operation("open")));
    await turn();
    await new Promise<void>((resolve) => {
      setImmediate(() => {
        pass(60_000);
        for (const begunMs = performance.now(); performance.now() - begunMs < 600; );
        // Timers that are due come before it.
        setImmediate(() => {
          queue.result(DONE);
          resolve();
        });
      });
    });
    expect(await opened).toBe("done");
    expect(changes).toEqual([]);
    await queue.close();
  });

  // Mutants seen red: who closes waits for the answer; who waits then is not told; what waits is dropped.
  test("is not waited for by who closes, and gets what waits if it answers all the same", async () => {
    const { queue, sent, outcomeOf, turn, pass } = rig();
    const settled = outcomeOf(queue.add(operation("settle", "a")));
    await turn();
    pass(4_000);
    const late = outcomeOf(queue.add(operation("settle", "b")));
    const closed = queue.close();
    pass(1_000);
    expect(await closed).toBe(false);
    expect(await Promise.all([settled, late])).toEqual([UNAVAILABLE, UNAVAILABLE]);
    expect(await queue.close()).toBe(false);
    queue.result(DONE);
    expect(sent).toEqual([["a"], ["b"]]);
    queue.result(DONE);
    expect(await queue.close()).toBe(true);
  });
});
