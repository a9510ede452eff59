import fc from "fast-check";
import {
  type ChatEvent,
  chatEvent,
  reasoningDelta,
  textDelta,
  toolCallDelta,
  toolCallFinished,
  toolCallStarted,
} from "../../src/contract/events.ts";
import { Executor } from "../../src/gen/execution/v1/content_pb.js";

/** One part of a generated answer. */
export type PlannedPart =
  | { readonly kind: "text" | "reasoning"; readonly text: string }
  | { readonly kind: "tool"; readonly id: string; readonly name: string; readonly arguments: string };

/** Any answer: parts with any text, tool calls with ids of their own. */
export const plannedParts: fc.Arbitrary<readonly PlannedPart[]> = fc
  .array(
    fc.oneof(
      fc.record({
        kind: fc.constantFrom("text" as const, "reasoning" as const),
        text: fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }),
      }),
      fc.record({
        kind: fc.constant("tool" as const),
        id: fc.uuid(),
        name: fc.stringMatching(/^[a-z]{1,8}$/),
        arguments: fc.oneof(fc.constant(""), fc.json({ maxDepth: 2 }), fc.constant("{broken")),
      }),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((parts) => parts.map((part, index) => (part.kind === "tool" ? { ...part, id: `${part.id}-${index}` } : part)));

/** The events of one part, its text cut into pieces of `size` characters. */
export function partEvents(part: PlannedPart, step: number, number: number, size: number): ChatEvent[] {
  const place = { step, part: number };
  if (part.kind !== "tool") {
    const delta = part.kind === "text" ? textDelta : reasoningDelta;
    return pieces(part.text, size).map((piece) => delta(place, piece));
  }
  const head = { id: part.id, idMinted: false, name: part.name, executor: Executor.CALLER, freeForm: false };
  return [
    toolCallStarted(place, head),
    ...pieces(part.arguments, size).map((piece) => toolCallDelta(place, piece)),
    toolCallFinished(place, head, part.arguments),
  ];
}

/** Merges the lists into one, taking from them by the given choices; each list keeps its order. */
export function interleave(lists: readonly ChatEvent[][], choices: readonly number[]): ChatEvent[] {
  const queues = lists.map((list) => [...list]);
  // Parts are numbered by first appearance, so the first event of each stays in order.
  const merged = queues.flatMap((queue) => queue.splice(0, 1));
  let turn = 0;
  while (queues.some((queue) => queue.length > 0)) {
    const open = queues.filter((queue) => queue.length > 0);
    const queue = open[(choices[turn % Math.max(1, choices.length)] ?? 0) % open.length];
    merged.push(...(queue?.splice(0, 1) ?? []));
    turn += 1;
  }
  return merged;
}

/** Events that are no content, to be mixed in anywhere. */
export const noise: readonly ChatEvent[] = [
  chatEvent({ case: undefined, value: undefined } as never),
  chatEvent({ case: "warning", value: { $typeName: "execution.v1.Warning", code: "X", field: "", text: "" } }),
];

function pieces(text: string, size: number): string[] {
  const characters = Array.from(text);
  const cut: string[] = [];
  for (let index = 0; index < characters.length; index += size)
    cut.push(characters.slice(index, index + size).join(""));
  return cut;
}
