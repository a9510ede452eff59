import type { ChatEvent } from "../../../src/contract/events.ts";
import { USAGE_BUCKETS } from "../../../src/contract/usage.ts";
import { FinishReason } from "../../../src/gen/execution/v1/chat_pb.js";
import { Executor } from "../../../src/gen/execution/v1/content_pb.js";
import type { Usage } from "../../../src/gen/execution/v1/usage_pb.js";

/** One line a read, its events apart by ` | `: how docs/mock.md writes what comes. */
export function renderReads(reads: readonly (readonly ChatEvent[])[]): readonly string[] {
  return reads.map((events) => events.map(renderEvent).join(" | "));
}

function renderEvent({ event }: ChatEvent): string {
  switch (event.case) {
    case "textDelta":
      return `text #${event.value.part} ${JSON.stringify(event.value.text)}`;
    case "reasoningDelta":
      return `reasoning #${event.value.part} ${JSON.stringify(event.value.text)}`;
    case "refusalDelta":
      return `refusal #${event.value.part} ${JSON.stringify(event.value.text)}`;
    case "toolCallStarted": {
      const { part, name, id, idMinted, executor, freeForm } = event.value;
      const marks = [
        idMinted ? "minted" : "",
        executor === Executor.PROVIDER ? "by provider" : "",
        freeForm ? "free-form" : "",
      ];
      return ["call", `#${part}`, name, id, ...marks].filter((word) => word !== "").join(" ");
    }
    case "toolCallDelta":
      return `arguments #${event.value.part} ${event.value.argumentsDelta}`;
    case "toolCallFinished":
      return `called #${event.value.part} ${event.value.argumentsJson}${event.value.argumentsValid ? "" : " invalid"}`;
    case "finished":
      return `finished ${FinishReason[event.value.reason]} (${event.value.providerReason})`;
    case "usage":
      return `usage${event.value.final ? " final" : ""}${renderUsage(event.value.usage)}`;
    case "warning":
      return `warning ${event.value.code}${event.value.field === "" ? "" : ` ${event.value.field}`}`;
    default:
      return renderOther(event);
  }
}

function renderOther(event: ChatEvent["event"]): string {
  switch (event.case) {
    case "toolResult":
      return `result #${event.value.part} ${event.value.toolCallId} ${event.value.parts.map(({ kind }) => (kind.case === "text" ? kind.value.text : "")).join("")}`;
    case "citation":
      return `citation #${event.value.part} ${event.value.citation?.url}`;
    case "logprobs":
      return `logprobs #${event.value.part} ${event.value.tokens.map(({ token, logprob }) => `${JSON.stringify(token)} ${logprob}`).join(", ")}`;
    case "image":
      return `image #${event.value.part} ${event.value.image?.mimeType}`;
    case "audio":
      return `audio #${event.value.part} ${event.value.data.length} bytes ${JSON.stringify(event.value.transcript)}`;
    case "providerState":
      return `state #${event.value.part} ${event.value.state?.owner}/${event.value.state?.kind}`;
    default:
      return String(event.case);
  }
}

function renderUsage(usage: Usage | undefined): string {
  return USAGE_BUCKETS.map((bucket) => {
    const tokens = usage?.[bucket];
    return tokens === undefined ? "" : ` ${bucket.replace(/[A-Z0-9]+/g, (run) => `_${run.toLowerCase()}`)}=${tokens}`;
  }).join("");
}
