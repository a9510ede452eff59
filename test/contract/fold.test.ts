import { create, equals } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { chatEvent, providerState, textDelta, toolCallFinished, toolCallStarted } from "../../src/contract/events.ts";
import { fold } from "../../src/contract/fold.ts";
import { Executor, type Message, MessageRole, MessageSchema } from "../../src/gen/execution/v1/content_pb.js";
import { interleave, noise, type PlannedPart, partEvents, plannedParts } from "./arbitrary.ts";

const head = (id: string, executor: Executor) => ({ id, idMinted: false, name: "look", executor, freeForm: false });

function expectedMessage(parts: readonly PlannedPart[]): Message {
  return create(MessageSchema, {
    role: MessageRole.ASSISTANT,
    parts: parts.map((part) => ({
      kind:
        part.kind === "tool"
          ? {
              case: "toolCall" as const,
              value: { id: part.id, name: part.name, argumentsJson: part.arguments || "{}", executor: Executor.CALLER },
            }
          : { case: part.kind, value: { text: part.text } },
    })),
  });
}

describe("the fold law", () => {
  // Mutants seen red: a space between pieces; keeping only the last piece.
  test("an answer folds to the same message however its deltas are cut, interleaved and mixed with other events", () => {
    fc.assert(
      fc.property(plannedParts, fc.integer({ min: 1, max: 9 }), fc.array(fc.nat(7)), (parts, size, choices) => {
        const events = interleave(
          parts.map((part, number) => partEvents(part, 0, number, size)),
          choices,
        );
        const mixed = events.flatMap((event, index) => (index % 3 === 0 ? [event, ...noise] : [event]));
        const [message, ...more] = fold(mixed);
        expect(more).toEqual([]);
        expect(message && equals(MessageSchema, message, expectedMessage(parts))).toBe(true);
      }),
    );
  });

  test("each step gives one assistant message, and one tool message if the platform ran tools in it", () => {
    const result = (step: number, executor: Executor, part: number) =>
      chatEvent({
        case: "toolResult",
        value: {
          $typeName: "execution.v1.ToolResult",
          step,
          part,
          toolCallId: "call",
          parts: [],
          isError: false,
          executor,
        },
      });
    const call = head("call", Executor.PLATFORM);
    const messages = fold([
      toolCallStarted({ step: 0, part: 0 }, call),
      toolCallFinished({ step: 0, part: 0 }, call, ""),
      result(0, Executor.PLATFORM, 0),
      textDelta({ step: 1, part: 0 }, "found it"),
    ]);
    expect(messages.map(({ role }) => role)).toEqual([MessageRole.ASSISTANT, MessageRole.TOOL, MessageRole.ASSISTANT]);
    expect(messages[0]?.parts[0]?.kind).toMatchObject({ case: "toolCall", value: { argumentsJson: "{}" } });
  });

  test("results of provider tools stay in the assistant message, in part order", () => {
    const call = head("search", Executor.PROVIDER);
    const [message, ...more] = fold([
      toolCallStarted({ step: 0, part: 0 }, call),
      toolCallFinished({ step: 0, part: 0 }, call, '{"q":1}'),
      chatEvent({
        case: "toolResult",
        value: {
          $typeName: "execution.v1.ToolResult",
          step: 0,
          part: 1,
          toolCallId: "search",
          parts: [],
          isError: false,
          executor: Executor.PROVIDER,
        },
      }),
      textDelta({ step: 0, part: 2 }, "yes"),
    ]);
    expect(more).toEqual([]);
    expect(message?.parts.map(({ kind }) => kind.case)).toEqual(["toolCall", "toolResult", "text"]);
  });

  test("provider state stays with its part, or is a part of its own where no content has its number", () => {
    const state = (data: number) => ({ owner: "vendor", kind: "signature", data: new Uint8Array([data]) });
    const [message] = fold([
      textDelta({ step: 0, part: 0 }, "signed"),
      providerState({ step: 0, part: 0 }, state(1)),
      providerState({ step: 0, part: 1 }, state(2)),
    ]);
    expect(message?.parts.map(({ kind, providerState: states }) => [kind.case, states[0]?.data[0]])).toEqual([
      ["text", 1],
      [undefined, 2],
    ]);
  });

  test("a tool call that never finished is left out", () => {
    const [message] = fold([
      textDelta({ step: 0, part: 0 }, "cut"),
      toolCallStarted({ step: 0, part: 1 }, head("call", Executor.CALLER)),
    ]);
    expect(message?.parts.map(({ kind }) => kind.case)).toEqual(["text"]);
  });

  test("sound is joined; where the provider keeps it, its id is what goes back", () => {
    const audio = (data: number[], providerId: string) =>
      chatEvent({
        case: "audio",
        value: {
          $typeName: "execution.v1.AudioEvent",
          step: 0,
          part: 0,
          data: new Uint8Array(data),
          mimeType: "audio/wav",
          transcript: "a",
          providerId,
        },
      });
    expect(fold([audio([1], ""), audio([2, 3], "")])[0]?.parts[0]?.kind).toMatchObject({
      case: "audio",
      value: { source: { case: "data", value: new Uint8Array([1, 2, 3]) }, transcript: "aa" },
    });
    expect(fold([audio([1], ""), audio([], "audio_1")])[0]?.parts[0]?.kind).toMatchObject({
      case: "audio",
      value: { source: { case: "providerId", value: "audio_1" } },
    });
  });
});
