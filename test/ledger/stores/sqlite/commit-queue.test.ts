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
  const changes: boolean[] = [];
  const queue = createCommitQueue({
    send: (operations) => sent.push(operations.map(({ values }) => String(values[0]))),
    nowMs: () => now,
    onChange: (isWritable) => changes.push(isWritable),
  });
  const outcomeOf = async (promise: Promise<void>): Promise<string> =>
    promise.then(
      () => "done",
      ({ reason }) => String(reason),
    );
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { queue, sent, changes, outcomeOf, turn, pass: (ms: number) => (now += ms) };
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
