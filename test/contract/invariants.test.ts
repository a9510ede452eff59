import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  type ChatEvent,
  type ChatEventCase,
  chatEvent,
  textDelta,
  toolCallDelta,
  toolCallFinished,
  toolCallStarted,
  usageEvent,
} from "../../src/contract/events.ts";
import { createInvariantChecker } from "../../src/contract/invariants.ts";
import { unknownUsage } from "../../src/contract/usage.ts";
import { Executor } from "../../src/gen/execution/v1/content_pb.js";
import { finishedEvent } from "../support/scripted-adapter.ts";
import { interleave, partEvents, plannedParts } from "./arbitrary.ts";

const started: ChatEventCase = {
  case: "started",
  value: { $typeName: "execution.v1.Started", streamId: "s", requestId: "r", resumeToken: "", persona: "default" },
};
const attemptStarted: ChatEventCase = {
  case: "attemptStarted",
  value: { $typeName: "execution.v1.AttemptStarted", step: 0, attempt: 0, toolTier: 0, experimentArm: "" },
};
const opening = (): ChatEvent[] => [chatEvent(started), chatEvent(attemptStarted)];
const used = (outputTotal: number, final: boolean) => usageEvent(0, 0, { ...unknownUsage(), outputTotal }, final);
const place = { step: 0, part: 0 };
const call = { id: "a", idMinted: false, name: "n", executor: Executor.CALLER, freeForm: false };

/** What a stream of these events breaks, numbered unless told otherwise. */
function check(events: readonly ChatEvent[], outcome: "success" | "error" = "success"): string | undefined {
  const checker = createInvariantChecker();
  for (const [index, event] of events.entries()) {
    const problem = checker.next({ ...event, sequence: event.sequence || index + 1 });
    if (problem !== undefined) return problem;
  }
  return checker.end(outcome);
}

const resultOf = (executor: Executor): ChatEvent =>
  chatEvent({
    case: "toolResult",
    value: {
      $typeName: "execution.v1.ToolResult",
      ...place,
      toolCallId: "elsewhere",
      parts: [],
      isError: false,
      executor,
    },
  });

test("a provider's result may be of a call in an earlier turn (mutant: demand its call in the stream)", () => {
  expect(check([...opening(), resultOf(Executor.PROVIDER), used(3, true), finishedEvent()])).toBeUndefined();
});

test("any well-formed answer keeps the invariants", () => {
  fc.assert(
    fc.property(plannedParts, fc.integer({ min: 1, max: 9 }), fc.array(fc.nat(7)), (parts, size, choices) => {
      const content = interleave(
        parts.map((part, number) => partEvents(part, 0, number, size)),
        choices,
      );
      expect(check([...opening(), ...content, used(3, true), finishedEvent()])).toBeUndefined();
    }),
  );
});

describe("a stream breaks the contract", () => {
  const finish = [used(1, true), finishedEvent()];
  test.each<[string, ChatEvent[], RegExp]>([
    ["by a gap", [...opening(), { ...textDelta(place, "x"), sequence: 4 }], /sequence 4 after 2/],
    ["by a repeat", [chatEvent(started), { ...chatEvent(attemptStarted), sequence: 1 }], /sequence 1 after 1/],
    ["without started", [chatEvent(attemptStarted)], /started must be/],
    ["by a second started", [...opening(), chatEvent(started)], /started must be/],
    ["by content before an attempt", [chatEvent(started), textDelta(place, "x")], /before attempt_started/],
    ["by an event after finished", [...opening(), ...finish, textDelta(place, "x")], /after finished/],
    ["by finishing without a final usage", [...opening(), used(1, false), finishedEvent()], /without a final usage/],
    ["by provisional usage that decreases", [...opening(), used(2, false), used(1, false)], /decreased/],
    ["by provisional usage after the final one", [...opening(), used(2, true), used(2, false)], /after the final/],
    ["by an open tool call", [...opening(), toolCallStarted(place, call), ...finish], /tool call open/],
    [
      "by a call that starts twice",
      [...opening(), toolCallStarted(place, call), toolCallStarted({ step: 0, part: 1 }, call)],
      /twice/,
    ],
    ["by a delta of no call", [...opening(), toolCallDelta(place, "{")], /without a started call/],
    ["by an end of no call", [...opening(), toolCallFinished(place, call, "")], /without its started call/],
    [
      "by other arguments than its deltas",
      [...opening(), toolCallStarted(place, call), toolCallDelta(place, "{}"), toolCallFinished(place, call, "[]")],
      /concatenate/,
    ],
    ["by the platform's result of no call", [...opening(), resultOf(Executor.PLATFORM)], /without its call/],
    ["by ending well without finished", opening(), /success without finished/],
  ])("%s", (_, events, problem) => {
    expect(check(events)).toMatch(problem);
  });

  test("by an error after finished", () => {
    expect(check([...opening(), ...finish], "error")).toMatch(/error after finished/);
    expect(check(opening(), "error")).toBeUndefined();
  });
});
