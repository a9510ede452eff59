import { describe, expect, test } from "@jest/globals";
import type { Pause } from "../../../src/adapters/mock/pause.ts";
import { pauseByTimers } from "../../../src/adapters/mock/pause.ts";
import { ExecutionError } from "../../../src/errors.ts";
import { within } from "../../support/wait.ts";
import { attemptInput, observe } from "../shared/observe.ts";
import { renderReads } from "./render.ts";
import { createMock, mockModel, scriptedRequest, userRequest } from "./rig.ts";

/** Notes how long each pause is to be and lets it pass at once. */
function createClock() {
  const pauses: number[] = [];
  const pause: Pause = async (delayMs) => {
    pauses.push(delayMs);
  };
  return { pauses, pause };
}

const timeouts = { connectMs: 1, headersMs: 1_000, idleMs: 500 };

async function play(script: readonly unknown[], headers: number[] = []) {
  const { pauses, pause } = createClock();
  const adapter = createMock({ timeouts }, pause);
  const { reads, error, headersAfter } = await observe(adapter, scriptedRequest(script), { model: "mock" });
  headers.push(...headersAfter);
  return { pauses, reads: renderReads(reads), error };
}

describe("time", () => {
  test("passes by the injected pause: a turn a read, and the scripted delays (mutant: a delay of its own timer)", async () => {
    const { pauses } = await play([{ delay_ms: 30 }, { text: ["a", "b"] }, { delay_ms: 40 }, { text: "c" }]);
    expect(pauses).toEqual([30, 0, 0, 40, 0, 0]);
  });

  test("runs out before the first read after headersMs (mutant: idleMs is the only limit)", async () => {
    const headers: number[] = [];
    const { pauses, error } = await play([{ delay_ms: 600 }, { delay_ms: 600 }, { text: "late" }], headers);
    expect(error).toMatchObject({ reason: "PROVIDER_TIMEOUT", extras: { provider: "pretend", model: "mock" } });
    expect(pauses).toEqual([600, 400]);
    expect(headers).toEqual([]);
  });

  test("runs out between two reads after idleMs, and a read starts it anew (mutant: silence adds up over reads)", async () => {
    const late = await play([
      { text: "a" },
      { delay_ms: 400 },
      { text: "b" },
      { delay_ms: 400 },
      { text: "c" },
      { stall: true },
    ]);
    expect(late.error).toMatchObject({ reason: "UPSTREAM_STALLED" });
    expect(late.reads).toEqual(['text #0 "a"', 'text #0 "b"', 'text #0 "c"']);
    expect(late.pauses).toEqual([0, 400, 0, 400, 0, 500]);
  });

  test("is let go at once by an abort, however long it was to be (mutant: the timer runs on)", async () => {
    for (const delayMs of [3_600_000, Number.POSITIVE_INFINITY]) {
      const controller = new AbortController();
      const pending = pauseByTimers(delayMs, controller.signal);
      controller.abort();
      await expect(within(pending, { what: "the pause to end" })).rejects.toThrow();
    }
  });
});

describe("an error of a script", () => {
  test("carries what the script says, and where it happened", async () => {
    const { error } = await play([
      {
        error: { reason: "PROVIDER_RATE_LIMITED", message: "slow down", retry_after_ms: 1500, provider_message: "429" },
      },
    ]);
    expect(error).toMatchObject({
      reason: "PROVIDER_RATE_LIMITED",
      message: "slow down",
      retryable: true,
      extras: { provider: "pretend", model: "mock", retryAfterMs: 1500, providerMessage: "429" },
    });
  });

  test("comes with headers if it is an answer (mutant: headers come with the first read only)", async () => {
    for (const [reason, expected] of [
      ["PROVIDER_OVERLOADED", [0]],
      ["PROVIDER_DNS", []],
      ["DRAINING", []],
    ] as const) {
      const headers: number[] = [];
      await play([{ error: reason }], headers);
      expect(headers).toEqual(expected);
    }
  });

  test("leaves to the router what the router knows", async () => {
    const { error } = await play([{ text: "a" }, { error: { reason: "PROVIDER_INTERNAL" } }]);
    expect((error as ExecutionError).extras.partial).toBeUndefined();
  });
});

describe("an abort without an ExecutionError", () => {
  test("is a cancellation", async () => {
    const adapter = createMock();
    const iterator = adapter.chat(attemptInput(userRequest("Hi"), { model: "mock", signal: AbortSignal.abort() }));
    await expect(iterator[Symbol.asyncIterator]().next()).rejects.toMatchObject({ reason: "CANCELLED" });
  });
});

describe("scripts of the configuration", () => {
  const chat = async (
    changes: Parameters<typeof createMock>[0],
    model: string,
    attempt: number,
    script?: readonly unknown[],
  ) => {
    const adapter = createMock(changes);
    const request = script === undefined ? userRequest("Hi") : scriptedRequest(script);
    const { reads, error } = await observe(adapter, request, { model, attempt });
    const [first] = renderReads(reads);
    return error instanceof ExecutionError ? error.reason : first;
  };
  const models = {
    slow: mockModel("slow-model", { quirks: { script: [{ text: "of the model" }] } }),
    shaky: mockModel("shaky-model", {
      quirks: { scripts: [[{ error: "PROVIDER_OVERLOADED" }], [{ text: "second" }]] },
    }),
    plain: mockModel("plain-model"),
  };
  const quirks = { script: [{ text: "of the instance" }] };

  test("serve their model, by the word attempts know it by; the nearest wins (mutant: the instance's first)", async () => {
    expect(await chat({ models }, "slow-model", 0)).toBe('text #0 "of the model"');
    expect(await chat({ models, quirks }, "slow-model", 0)).toBe('text #0 "of the model"');
    expect(await chat({ models, quirks }, "plain-model", 0)).toBe('text #0 "of the instance"');
    expect(await chat({ models }, "plain-model", 0)).toBe('text #0 "Hello"');
    expect(await chat({ models, quirks }, "slow-model", 0, [{ text: "of the request" }])).toBe(
      'text #0 "of the request"',
    );
  });

  test("go by the attempt, the last one for all that follow (mutant: always the first)", async () => {
    expect(await chat({ models }, "shaky-model", 0)).toBe("PROVIDER_OVERLOADED");
    expect(await chat({ models }, "shaky-model", 1)).toBe('text #0 "second"');
    expect(await chat({ models }, "shaky-model", 5)).toBe('text #0 "second"');
  });
});
