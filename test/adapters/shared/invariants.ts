import { fromJsonString, toBinary, toJsonString } from "@bufbuild/protobuf";
import { type ChatEvent, chatEvent, usageEvent } from "../../../src/contract/events.ts";
import { createInvariantChecker } from "../../../src/contract/invariants.ts";
import { unknownUsage } from "../../../src/contract/usage.ts";
import { ChatResponseSchema, FinishReason } from "../../../src/gen/execution/v1/chat_pb.js";

/** Where an exchange took place, and how it ended. */
export interface ExchangeFacts {
  readonly step: number;
  readonly attempt: number;
  readonly outcome: "success" | "error";
}

/** Which kind of part an event belongs to; undefined where any will do. */
const PART_KINDS: Readonly<Record<string, string>> = {
  textDelta: "text",
  citation: "text",
  logprobs: "text",
  reasoningDelta: "reasoning",
  refusalDelta: "refusal",
  toolCallStarted: "tool call",
  toolCallDelta: "tool call",
  toolCallFinished: "tool call",
  toolResult: "tool result",
  image: "image",
  audio: "audio",
};

const ROUTERS_OWN: ReadonlySet<string> = new Set(["started", "attemptStarted", "attemptFailed", "budget"]);

/**
 * Says what the events of one exchange break of the adapter interface: numbers left to the router, nothing of the router's own, step and attempt
 * as given, parts numbered by first appearance and of one kind, whole characters, values that every wire can carry, `finished` last and exactly after success, bare, and all that
 * the contract asks of tool calls and usage. Empty if all is well.
 */
export function brokenInvariants(events: readonly ChatEvent[], facts: ExchangeFacts): readonly string[] {
  const broken: string[] = [];
  const partKinds: (string | undefined)[] = [];
  if (new Set(events).size < events.length) broken.push("the same event object twice");
  for (const response of events) {
    const { event } = response;
    if (response.sequence !== 0) broken.push(`sequence ${response.sequence}`);
    if (event.case === undefined || ROUTERS_OWN.has(event.case)) broken.push(`an adapter yields no ${event.case}`);
    broken.push(...placeProblems(event, facts), ...partProblems(event, partKinds), ...finishedProblems(event));
    if (!textOf(event).isWellFormed()) broken.push(`half a character in ${event.case}`);
    broken.push(...encodingProblems(response));
  }
  const finished = events.filter(({ event }) => event.case === "finished").length;
  if (finished !== (facts.outcome === "success" ? 1 : 0)) broken.push(`${finished} finished after ${facts.outcome}`);
  if (finished > 0 && events.at(-1)?.event.case !== "finished") broken.push("finished is not the last event");
  const finals = events.filter(({ event }) => event.case === "usage" && event.value.final).length;
  const usages = events.filter(({ event }) => event.case === "usage").length;
  if (finals > 1 || (finished > 0 && usages > 0 && finals === 0)) broken.push(`${finals} final usages`);
  return [...broken, ...contractProblems(events, facts)];
}

type Event = ChatEvent["event"];

function placeProblems(event: Event, { step, attempt }: ExchangeFacts): readonly string[] {
  if (event.case === undefined || event.case === "finished") return [];
  const problems: string[] = [];
  if ("step" in event.value && event.value.step !== step) problems.push(`${event.case} of step ${event.value.step}`);
  if (event.case === "usage" && event.value.attempt !== attempt)
    problems.push(`usage of attempt ${event.value.attempt}`);
  if (event.case === "usage" && event.value.costNanoUsd !== undefined) problems.push("an adapter knows no cost");
  return problems;
}

function partProblems(event: Event, partKinds: (string | undefined)[]): readonly string[] {
  if (event.case === undefined || !("part" in event.value)) return [];
  const { part } = event.value;
  if (part > partKinds.length) return [`part ${part} before part ${partKinds.length}`];
  const kind = PART_KINDS[event.case];
  const known = partKinds[part];
  partKinds[part] = known ?? kind;
  return known === undefined || kind === undefined || known === kind
    ? []
    : [`${event.case} in a part that is ${known}`];
}

function finishedProblems(event: Event): readonly string[] {
  if (event.case !== "finished") return [];
  const { reason, attempt, candidate, usage, costNanoUsd, priceVersion, attempts, timings } = event.value;
  const left = [candidate, usage, costNanoUsd, timings].every((value) => value === undefined);
  const bare = left && attempt === 0 && priceVersion === "" && attempts.length === 0;
  return [
    ...(reason === FinishReason.UNSPECIFIED ? ["finished without a reason"] : []),
    ...(bare ? [] : ["finished says what is the router's to say"]),
  ];
}

/** Numbers beyond their type are found only when an event is written: in the binary format, and in ProtoJSON as it is read again. */
function encodingProblems(response: ChatEvent): readonly string[] {
  try {
    const binary = toBinary(ChatResponseSchema, response);
    const json = fromJsonString(ChatResponseSchema, toJsonString(ChatResponseSchema, response));
    return Buffer.compare(binary, toBinary(ChatResponseSchema, json)) === 0 ? [] : ["another event in ProtoJSON"];
  } catch (error) {
    return [`an event that cannot be encoded: ${String(error)}`];
  }
}

function textOf(event: Event): string {
  switch (event.case) {
    case "textDelta":
    case "reasoningDelta":
    case "refusalDelta":
      return event.value.text;
    case "toolCallDelta":
      return event.value.argumentsDelta;
    case "audio":
      return event.value.transcript;
    default:
      return "";
  }
}

/** Runs the contract's own checker as the router would feed it: numbered, begun, and with a final usage where the adapter gave none. */
function contractProblems(events: readonly ChatEvent[], { attempt, outcome }: ExchangeFacts): readonly string[] {
  const checker = createInvariantChecker();
  const hasUsage = events.some(({ event }) => event.case === "usage");
  const opening = [
    chatEvent({
      case: "started",
      value: { $typeName: "execution.v1.Started", streamId: "", requestId: "", resumeToken: "", persona: "" },
    }),
    chatEvent({
      case: "attemptStarted",
      value: { $typeName: "execution.v1.AttemptStarted", step: 0, attempt, toolTier: 0, experimentArm: "" },
    }),
  ];
  const settled = events.flatMap((response): ChatEvent[] => {
    if (response.event.case !== "finished") return [response];
    const finished = chatEvent({ case: "finished", value: { ...response.event.value, attempt } });
    return hasUsage ? [finished] : [usageEvent(0, attempt, unknownUsage(), true), finished];
  });
  const problems = [...opening, ...settled].map((response, index) =>
    checker.next({ ...response, sequence: index + 1 }),
  );
  return [...problems, checker.end(outcome)].filter((problem) => problem !== undefined);
}
