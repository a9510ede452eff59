import { expect, test } from "@jest/globals";
import type { ChatEvent } from "../../../src/contract/events.ts";
import { createPriceBook } from "../../../src/ledger/prices/price-book.ts";
import { createMemoryStore } from "../../../src/ledger/stores/memory.ts";
import { attemptsStage } from "../../../src/router/attempts/loop.ts";
import type { Call } from "../../../src/router/call.ts";
import { createHealth } from "../../../src/router/health/health.ts";
import { asking } from "../../support/planning.ts";
import { anyone, STILL, testBudgets, testContext, testResolve, testState } from "../../support/routing.ts";
import { answer, createScriptedAdapter, inTurn, refusing } from "../../support/scripted-adapter.ts";
import { failure } from "./rig.ts";

// Mutant seen red: content of the call, not of the step, looked at.
test("a later step of a call falls back before content of its own, and the steps before it are not run again", async () => {
  const near = createScriptedAdapter({
    name: "near",
    play: inTurn(answer("first"), refusing(failure("PROVIDER_AUTH"))),
  });
  const far = createScriptedAdapter({ name: "far", play: answer("second") });
  const stage = attemptsStage({
    health: createHealth(() => 0),
    random: () => 0.5,
    wait: async () => undefined,
    prices: createPriceBook([]),
    ledger: createMemoryStore({ maxSums: 10, maxAttemptIds: 10 }),
    budgets: testBudgets(),
    book: { idOf: () => undefined },
    pulse: STILL,
    nowMs: () => 0,
    newId: () => "id",
  });
  const first: Call = {
    context: testContext(),
    asked: asking(),
    resolved: testResolve(testState([near, far]), asking(), anyone),
    step: 0,
    streamId: "stream_1",
    record: { attempts: [], contentSent: false, firstContentMs: undefined, priceVersion: "" },
    elapsedMs: () => 0,
  };
  const events: ChatEvent[] = [];
  for (const call of [first, { ...first, step: 1 }]) for await (const batch of stage(call)) events.push(...batch);
  const attempts = first.record.attempts.map(({ step, attempt, candidate, reason }) => [
    step,
    attempt,
    candidate?.provider,
    reason,
  ]);
  expect(attempts).toEqual([
    [0, 0, "near", ""],
    [1, 1, "near", "PROVIDER_AUTH"],
    [1, 2, "far", ""],
  ]);
  expect(near.inputs.map(({ step }) => step)).toEqual([0, 1]);
  const texts = events.flatMap(({ event }) =>
    event.case === "textDelta" ? [[event.value.step, event.value.text]] : [],
  );
  expect(texts).toEqual([
    [0, "first"],
    [1, "second"],
  ]);
  expect(events.at(-1)?.event.value).toMatchObject({ attempts: [{}, {}, {}], usage: { inputTotal: 4 } });
});
