import { describe, expect, test } from "@jest/globals";
import {
  type ChatEvent,
  chatEvent,
  reasoningDelta,
  textDelta,
  toolCallDelta,
  toolCallFinished,
  toolCallStarted,
  usageEvent,
} from "../../../src/contract/events.ts";
import { unknownUsage } from "../../../src/contract/usage.ts";
import { FinishReason } from "../../../src/gen/execution/v1/chat_pb.js";
import { Executor } from "../../../src/gen/execution/v1/content_pb.js";
import { brokenInvariants } from "./invariants.ts";

const at = (part: number) => ({ step: 1, part });
const head = { id: "c1", idMinted: false, name: "go", executor: Executor.CALLER, freeForm: false };
const usage = (inputTotal: number, final: boolean): ChatEvent =>
  usageEvent(1, 2, { ...unknownUsage(), inputTotal }, final);
const finished = (changes: { attempt?: number; reason?: FinishReason } = {}): ChatEvent =>
  chatEvent({
    case: "finished",
    value: {
      $typeName: "execution.v1.Finished",
      reason: FinishReason.STOP,
      providerReason: "stop",
      providerMessage: "",
      attempt: 0,
      priceVersion: "",
      attempts: [],
      ...changes,
    },
  });

/** A faultless exchange, by position: 0 usage, 1 text, 2 call, 3 delta, 4 call finished, 5 usage, 6 final usage, 7 finished. */
const good = (): ChatEvent[] => [
  usage(1, false),
  textDelta(at(0), "Hi"),
  toolCallStarted(at(1), head),
  toolCallDelta(at(1), "[1]"),
  toolCallFinished(at(1), head, "[1]"),
  usage(3, false),
  usage(2, true),
  finished(),
];

const broken = (events: readonly ChatEvent[], outcome: "success" | "error" = "success") =>
  brokenInvariants(events, { step: 1, attempt: 2, outcome });

const without = (...positions: readonly number[]) => good().filter((_, index) => !positions.includes(index));
const withAt = (position: number, ...events: readonly ChatEvent[]) => good().toSpliced(position, 0, ...events);
const insteadOf = (position: number, ...events: readonly ChatEvent[]) => good().toSpliced(position, 1, ...events);
const twice = textDelta(at(0), "again");

describe("the invariants of an exchange", () => {
  test("hold for a faultless one, for one without usage, and for one that failed in the middle of a call", () => {
    expect(broken(good())).toEqual([]);
    expect(broken(without(0, 5, 6))).toEqual([]);
    expect(broken(good().slice(0, 4), "error")).toEqual([]);
    expect(broken([], "error")).toEqual([]);
  });

  test.each<[string, readonly ChatEvent[], string]>([
    ["numbers its events", insteadOf(1, { ...textDelta(at(0), "Hi"), sequence: 7 }), "sequence 7"],
    ["yields one object twice", withAt(2, twice, twice), "the same event object twice"],
    [
      "yields an empty event",
      withAt(1, { $typeName: "execution.v1.ChatResponse", sequence: 0, event: { case: undefined } }),
      "an adapter yields no undefined",
    ],
    [
      "begins the call itself",
      withAt(
        0,
        chatEvent({
          case: "started",
          value: { $typeName: "execution.v1.Started", streamId: "", requestId: "", resumeToken: "", persona: "" },
        }),
      ),
      "an adapter yields no started",
    ],
    ["mistakes the step", insteadOf(1, textDelta({ step: 0, part: 0 }, "Hi")), "textDelta of step 0"],
    ["mistakes the attempt", insteadOf(6, usageEvent(1, 0, unknownUsage(), true)), "usage of attempt 0"],
    [
      "names a price",
      insteadOf(
        6,
        chatEvent({
          case: "usage",
          value: {
            $typeName: "execution.v1.UsageEvent",
            step: 1,
            attempt: 2,
            final: true,
            usage: unknownUsage(),
            costNanoUsd: 1n,
          },
        }),
      ),
      "an adapter knows no cost",
    ],
    ["leaves out a part number", insteadOf(1, textDelta(at(2), "Hi")), "part 2 before part 0"],
    ["puts two kinds into a part", withAt(2, reasoningDelta(at(0), "Hm")), "reasoningDelta in a part that is text"],
    [
      "splits a character",
      insteadOf(1, textDelta(at(0), "\ud83d"), textDelta(at(0), "\ude00")),
      "half a character in textDelta",
    ],
    ["never finishes", without(7), "0 finished after success"],
    ["finishes twice", [...good(), finished()], "2 finished after success"],
    ["goes on after it finished", [...good(), textDelta(at(0), "more")], "finished is not the last event"],
    [
      "finishes without a reason",
      insteadOf(7, finished({ reason: FinishReason.UNSPECIFIED })),
      "finished without a reason",
    ],
    ["speaks for the router", insteadOf(7, finished({ attempt: 2 })), "finished says what is the router's to say"],
    ["leaves a call open", without(4), "finished with a tool call open"],
    [
      "finishes a call twice",
      withAt(5, toolCallFinished(at(1), head, "[1]")),
      "tool_call_finished without its started call",
    ],
    [
      "gives a delta after a call finished",
      withAt(5, toolCallDelta(at(1), "2")),
      "tool_call_delta without a started call",
    ],
    ["loses a delta", without(3), "arguments of c1 are not what its deltas concatenate to"],
    [
      "uses an id twice",
      withAt(5, toolCallStarted(at(2), head), toolCallFinished(at(2), head, "")),
      "tool call c1 started twice",
    ],
    ["reports usage but none that is final", without(6), "0 final usages"],
    ["reports two final usages", withAt(7, usage(2, true)), "2 final usages"],
    ["lets usage decrease", insteadOf(5, usage(0, false)), "provisional inputTotal decreased"],
    ["lets usage grow after the final one", withAt(7, usage(9, false)), "provisional usage after the final one"],
  ])("break where an adapter %s", (_what, events, problem) => {
    expect(broken(events)).toContain(problem);
  });

  test("break where an error comes after finished", () => {
    expect(broken(good(), "error")).toContain("1 finished after error");
  });
});
