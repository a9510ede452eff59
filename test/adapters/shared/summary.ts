import type { ChatEvent } from "../../../src/contract/events.ts";
import { Executor, type Part } from "../../../src/gen/execution/v1/content_pb.js";

/** Events as short texts: `text 0 Hello`, `started 1 call_1 get`, `usage final` ... */
export function summary(events: readonly ChatEvent[]): string[] {
  return events.map(({ event }) => {
    switch (event.case) {
      case "textDelta":
        return `text ${event.value.part} ${event.value.text}`;
      case "reasoningDelta":
        return `reasoning ${event.value.part} ${event.value.text}`;
      case "refusalDelta":
        return `refusal ${event.value.part} ${event.value.text}`;
      case "toolCallStarted":
        return `started ${event.value.part} ${event.value.id} ${event.value.name}${byOther(event.value.executor)}`;
      case "toolCallDelta":
        return `arguments ${event.value.part} ${event.value.argumentsDelta}`;
      case "toolCallFinished":
        return `ended ${event.value.part} ${event.value.id} ${event.value.name} ${event.value.argumentsJson}`;
      case "toolResult":
        return `result ${event.value.part} ${event.value.toolCallId} ${event.value.isError ? "failed: " : ""}${event.value.parts.map(textOf).join(" | ")}`;
      case "providerState":
        return `state ${event.value.part} ${event.value.state?.owner} ${event.value.state?.kind} ${Buffer.from(event.value.state?.data ?? [])}`;
      case "usage":
        return `usage ${event.value.final ? "final" : "so far"} ${event.value.usage?.inputTotal}/${event.value.usage?.outputTotal}`;
      case "finished":
        return `finished ${event.value.providerReason}`;
      default:
        return event.case ?? "nothing";
    }
  });
}

function byOther(executor: Executor): string {
  return executor === Executor.CALLER ? "" : ` by ${Executor[executor]}`;
}

function textOf({ kind }: Part): string {
  return kind.case === "text" ? kind.value.text : "";
}
