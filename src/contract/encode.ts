import type { Message } from "@bufbuild/protobuf";
import type { ChatResponse, ReasoningDelta, TextDelta, ToolCallDelta } from "../gen/execution/v1/chat_pb.js";

/** Longest text in characters that is written by hand; as long as all lengths fit a byte the writer is short. */
const MAX_ASCII = 96;
/** The same for other text, whose characters have up to three bytes. */
const MAX_WIDE = 40;

/** Most bytes of a delta that is written by hand: tags, lengths, sequence, step, part and text. */
const MAX_DELTA_BYTES = 24 + 3 * MAX_WIDE;

/** Tags in the binary format: field number and type, varint (0) or length-delimited (2). */
const SEQUENCE_TAG = 1 << 3;
const TEXT_TAG = (1 << 3) | 2;
const STEP_TAG = 2 << 3;
const PART_TAG = 3 << 3;

/**
 * Writes a ChatResponse as `toBinary` would, if it is a short delta of text, reasoning or tool arguments, and returns where it ends. Anything
 * else, and what does not fit, is left to `toBinary`: -1. Nearly all messages are such deltas, and this takes a tenth of the time.
 */
export function writeDelta(message: Message, target: Buffer, start: number): number {
  if (message.$typeName !== "execution.v1.ChatResponse" || start + MAX_DELTA_BYTES > target.length) return -1;
  const { sequence, event, $unknown } = message as ChatResponse;
  if ($unknown !== undefined) return -1;
  const from = writeSequence(sequence, target, start);
  switch (event.case) {
    case "textDelta":
      return writeEvent((2 << 3) | 2, event.value, event.value.text, target, from);
    case "reasoningDelta":
      return writeEvent((3 << 3) | 2, event.value, event.value.text, target, from);
    case "toolCallDelta":
      return writeEvent((6 << 3) | 2, event.value, event.value.argumentsDelta, target, from);
    default:
      return -1;
  }
}

function writeSequence(sequence: number, target: Buffer, start: number): number {
  if (sequence === 0) return start;
  target[start] = SEQUENCE_TAG;
  let at = start + 1;
  let rest = sequence;
  for (; rest > 127; rest >>>= 7) {
    target[at] = (rest & 127) | 128;
    at += 1;
  }
  target[at] = rest;
  return at + 1;
}

function writeEvent(
  tag: number,
  { step, part, $unknown }: TextDelta | ReasoningDelta | ToolCallDelta,
  text: string,
  target: Buffer,
  start: number,
): number {
  if (step > 127 || part > 127 || $unknown !== undefined) return -1;
  target[start] = tag;
  let at = writeText(text, target, start + 2);
  if (at === -1) return -1;
  if (step !== 0) {
    target[at] = STEP_TAG;
    target[at + 1] = step;
    at += 2;
  }
  if (part !== 0) {
    target[at] = PART_TAG;
    target[at + 1] = part;
    at += 2;
  }
  target[start + 1] = at - start - 2;
  return at;
}

function writeText(text: string, target: Buffer, start: number): number {
  const { length } = text;
  if (length === 0) return start;
  if (length > MAX_ASCII) return -1;
  target[start] = TEXT_TAG;
  target[start + 1] = length;
  const textStart = start + 2;
  for (let index = 0; index < length; index += 1) {
    const character = text.charCodeAt(index);
    if (character > 127) return writeWideText(text, target, start);
    target[textStart + index] = character;
  }
  return textStart + length;
}

function writeWideText(text: string, target: Buffer, start: number): number {
  if (text.length > MAX_WIDE) return -1;
  const bytes = target.write(text, start + 2, "utf8");
  target[start + 1] = bytes;
  return start + 2 + bytes;
}
