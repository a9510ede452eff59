import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Adapter } from "../../src/adapters/adapter.ts";
import type { Script } from "../../src/adapters/mock/script.ts";
import type { ChatEvent } from "../../src/contract/events.ts";
import { ExecutionError } from "../../src/errors.ts";
import type { ChatRequest } from "../../src/gen/execution/v1/chat_pb.js";
import { waitFor, within } from "../support/wait.ts";
import { type Answer, answerOfScript } from "./shared/answer.ts";
import { brokenInvariants } from "./shared/invariants.ts";
import { answerOfEvents, attemptInput, type ChatOptions, observe } from "./shared/observe.ts";
import { describePreview } from "./shared/preview.ts";
import { failingScripts, successScripts } from "./shared/scripts.ts";
import type { Wire } from "./shared/wire.ts";

/** An adapter in front of an upstream that plays scripts: the mock itself, or a provider's adapter and an emulator of its wire. */
export interface AdapterRig {
  readonly adapter: Adapter;
  readonly model: string;
  /**
   * Gives the request that makes the upstream play the script, or as much of it as the wire has words for. Several may be open at once; each
   * request meets its own script, in whatever order they are sent.
   */
  arm(script: Script): ChatRequest | Promise<ChatRequest>;
  /** Exchanges that are open on the upstream's side. */
  openExchanges(): number;
  /** How much the upstream has produced so far, in a unit of its own; it only grows. */
  produced(): number;
  /** Closes the adapter and the upstream. */
  close(): Promise<void>;
}

/** What the suite is to run over. */
export interface AdapterUnderTest {
  readonly createRig: () => Promise<AdapterRig>;
  readonly wire: Wire;
  /** Random scripts a property. */
  readonly runs: number;
}

/**
 * The suite every adapter must pass: what comes out is what the upstream's script says, the events keep the invariants of the adapter interface,
 * and whatever ends an exchange closes it. Each title names the mutant under which the test was seen to fail.
 */
export function describeAdapter(name: string, { createRig, wire, runs }: AdapterUnderTest): void {
  describe(`the adapter of ${name}`, () => {
    let rig: AdapterRig;
    beforeEach(async () => {
      rig = await createRig();
    });
    afterEach(async () => {
      await rig.close();
    });

    describeContent(() => rig, wire, runs);
    describeEnding(() => rig);
    describePace(() => rig);
    describePreview(() => rig);
  });
}

type RigSource = () => AdapterRig;

function describeContent(rigOf: RigSource, wire: Wire, runs: number): void {
  const run = async (script: Script, options: Partial<ChatOptions> = {}) => {
    const rig = rigOf();
    const request = await rig.arm(script);
    const { reads, error, headersAfter } = await observe(rig.adapter, request, { model: rig.model, ...options });
    const events = reads.flat();
    const facts = { step: options.step ?? 0, attempt: options.attempt ?? 0 };
    const outcome = error === undefined ? ("success" as const) : ("error" as const);
    return {
      events,
      answer: withoutStates(answerOfEvents(events, error), wire.ownStates ?? []),
      broken: brokenInvariants(events, { ...facts, outcome }),
      headersAfter,
    };
  };

  test("says what the script says, with the invariants kept (mutant: drop every tenth delta; number parts from 1)", async () => {
    await fc.assert(
      fc.asyncProperty(successScripts(wire), fc.nat(5), fc.nat(5), async (script, step, attempt) => {
        const { answer, broken, headersAfter } = await run(script, { step, attempt });
        expect(comparable(answer)).toEqual(comparable(answerOfScript(script, wire)));
        expect(answer.usage ?? {}).toMatchObject(answerOfScript(script, wire).usage ?? {});
        expect(broken).toEqual([]);
        expect(headersAfter).toEqual([0]);
      }),
      { numRuns: runs },
    );
  });

  test("gives what came before a failure, then its reason, and never finished (mutant: finish when the body ends)", async () => {
    await fc.assert(
      fc.asyncProperty(failingScripts(wire), async (script) => {
        const { answer, broken, headersAfter } = await run(script);
        expect(comparable(answer)).toEqual(comparable(answerOfScript(script, wire)));
        expect(broken).toEqual([]);
        expect(headersAfter.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: runs },
    );
  });

  test("keeps exchanges that run at once apart (mutant: part numbers kept by the adapter, not the exchange)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(successScripts(wire), { minLength: 2, maxLength: 3 }), async (scripts) => {
        const results = await Promise.all(scripts.map((script) => run(script)));
        expect(results.map(({ answer }) => comparable(answer))).toEqual(
          scripts.map((script) => comparable(answerOfScript(script, wire))),
        );
        expect(results.flatMap(({ broken }) => broken)).toEqual([]);
      }),
      { numRuns: Math.ceil(runs / 3) },
    );
  });

  if (wire.omitsIds) {
    test("mints a new id for each call without one (mutant: one fixed id)", async () => {
      const calls = [
        { name: "first", id: "" },
        { name: "second", id: "" },
      ];
      const { events } = await run([{ tool_calls: calls }, { no_usage: true }]);
      const ids = events.flatMap(({ event }) =>
        event.case === "toolCallStarted" && event.value.idMinted ? [event.value.id] : [],
      );
      expect(new Set(ids).size).toBe(2);
      expect(ids).not.toContain("");
    });
  }
}

function describeEnding(rigOf: RigSource): void {
  const reason = new ExecutionError("DEADLINE", "the deadline has passed");
  const begun: Script = [{ text: ["Hel", "lo"] }, { stall: true }];

  const open = async (script: Script) => {
    const rig = rigOf();
    const controller = new AbortController();
    const request = await rig.arm(script);
    const iterator = rig.adapter
      .chat(attemptInput(request, { model: rig.model, signal: controller.signal }))
      [Symbol.asyncIterator]();
    const next = () => within(Promise.resolve(iterator.next()), { what: "the next read" });
    return { rig, controller, iterator, next };
  };
  const readText = async (next: () => Promise<IteratorResult<readonly ChatEvent[]>>, text: string) => {
    let read = "";
    while (read.length < text.length) {
      const { value, done } = await next();
      if (done === true) throw new Error(`the answer ended after ${JSON.stringify(read)}`);
      for (const { event } of value) read += event.case === "textDelta" ? event.value.text : "";
    }
    expect(read).toBe(text);
  };
  /** The upstream sees the end, and the adapter has nothing left to wait for. */
  const expectClosed = async (rig: AdapterRig) => {
    await waitFor(() => rig.openExchanges() === 0, { what: "the upstream to see its exchange closed" });
    await within(rig.adapter.close(), { what: "the adapter to close" });
  };

  test("an aborted signal keeps it from beginning (mutant: the signal is not looked at before the request)", async () => {
    const { rig, controller, next } = await open(begun);
    const before = rig.produced();
    controller.abort(reason);
    await expect(next()).rejects.toBe(reason);
    expect(rig.produced()).toBe(before);
    await expectClosed(rig);
  });

  test("an abort ends a wait for the first read (mutant: the wait does not get the signal)", async () => {
    const { rig, controller, next } = await open([{ stall: true }]);
    const pending = next();
    await waitFor(() => rig.openExchanges() === 1, { what: "the exchange to begin" });
    controller.abort(reason);
    await expect(pending).rejects.toBe(reason);
    await expectClosed(rig);
  });

  test("an abort ends a wait for more (mutant: the wait does not get the signal)", async () => {
    const { rig, controller, next } = await open(begun);
    await readText(next, "Hello");
    const pending = next();
    controller.abort(reason);
    await expect(pending).rejects.toBe(reason);
    await expectClosed(rig);
  });

  test("an abort between two reads ends it at the next, without another event (mutant: no look at the signal between reads)", async () => {
    const { rig, controller, next } = await open([{ text: ["Hel"] }, { text: ["lo"], repeat: 1000 }]);
    await next();
    controller.abort(reason);
    await expect(next()).rejects.toBe(reason);
    await expectClosed(rig);
  });

  test("nothing comes after an error (mutant: the error is thrown by hand and the iterator goes on)", async () => {
    const { rig, controller, next } = await open(begun);
    await readText(next, "Hello");
    controller.abort(reason);
    await expect(next()).rejects.toBe(reason);
    expect(await next()).toEqual({ value: undefined, done: true });
    await expectClosed(rig);
  });

  test("nothing comes after a truncated answer (mutant: as above)", async () => {
    const { rig, next } = await open([{ text: ["Hel", "lo"] }, { truncate: true }]);
    await readText(next, "Hello");
    await expect(next()).rejects.toMatchObject({ reason: "UPSTREAM_TRUNCATED" });
    expect(await next()).toEqual({ value: undefined, done: true });
    await expectClosed(rig);
  });

  test("an abort after finished changes nothing (mutant: the signal is looked at once more after the last read)", async () => {
    const { rig, controller, next } = await open([
      { text: ["Hello"] },
      { no_usage: true },
      { finish: { reason: "STOP" } },
    ]);
    let last: ChatEvent | undefined;
    while (last?.event.case !== "finished") last = ((await next()).value as readonly ChatEvent[]).at(-1);
    controller.abort(reason);
    expect(await next()).toEqual({ value: undefined, done: true });
    await expectClosed(rig);
  });

  test("a reader that leaves closes it (mutant: no finally around the exchange)", async () => {
    const { rig, iterator, next } = await open([{ text: ["Hel"] }, { text: ["lo"], repeat: 1000 }, { stall: true }]);
    await next();
    await within(Promise.resolve(iterator.return?.()), { what: "the iterator to close" });
    expect(await next()).toEqual({ value: undefined, done: true });
    await expectClosed(rig);
  });

  test("closing waits for what is running (mutant: close returns at once)", async () => {
    const { rig, controller, next } = await open(begun);
    await readText(next, "Hello");
    let closed = false;
    const closing = rig.adapter.close().then(() => {
      closed = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(closed).toBe(false);
    controller.abort(reason);
    await expect(next()).rejects.toBe(reason);
    await within(closing, { what: "the adapter to close" });
  });
}

function describePace(rigOf: RigSource): void {
  test("the upstream stands still while nobody reads (mutant: reads ahead into an array)", async () => {
    const rig = rigOf();
    const repeat = 100_000;
    const request = await rig.arm([{ text: ["0123456789"], repeat, per_read: 10 }, { no_usage: true }]);
    const iterator = rig.adapter.chat(attemptInput(request, { model: rig.model }))[Symbol.asyncIterator]();
    let characters = 0;
    const read = async (): Promise<boolean> => {
      const { value, done } = await within(Promise.resolve(iterator.next()), { what: "the next read" });
      if (done === true) return false;
      for (const { event } of value) characters += event.case === "textDelta" ? event.value.text.length : 0;
      return true;
    };
    await read();
    const stoodAt = await standstill(rig);
    while (await read());
    expect(characters).toBe(10 * repeat);
    expect(rig.produced()).toBeGreaterThan(stoodAt);
  });
}

/** What the upstream has produced once that has not grown for a while. */
async function standstill(rig: AdapterRig): Promise<number> {
  let last = -1;
  let since = performance.now();
  return waitFor(
    () => {
      const now = rig.produced();
      if (now !== last) since = performance.now();
      last = now;
      return performance.now() - since > 200 && now;
    },
    { what: "the upstream to stand still" },
  );
}

/** Without the state that the wire adds by itself; the tests of the wire's own decoder see it. */
function withoutStates(answer: Answer, own: readonly string[]): Answer {
  const isOwn = (state: string): boolean => own.some((known) => state.startsWith(`${known}/`));
  const parts = answer.parts.map((part) => ({ ...part, states: part.states.filter((state) => !isOwn(state)) }));
  return { ...answer, parts };
}

/** Without what an adapter may add: counted usage. Parts of a failure may have tool calls that never ended; their text is compared all the same. */
function comparable({ usage: _, ...answer }: Answer): Omit<Answer, "usage"> {
  return answer;
}
