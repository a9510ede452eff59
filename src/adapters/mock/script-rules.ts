import { createPartNumbers, type PartNumbers } from "./parts.ts";
import type { EventStep, Script, ScriptedToolCall, ScriptedUsage, Step } from "./script.ts";
import { type Report, within } from "./shape.ts";

/** What a script has said so far. */
interface Seen {
  readonly parts: PartNumbers;
  readonly callIds: Set<string>;
  readonly providerCallIds: Set<string>;
  usage: ScriptedUsage | undefined;
  noUsage: boolean;
}

/**
 * Reports what the form of the single steps cannot say: steps after the end, labels used for two things, usage that decreases or comes after the
 * final one, ids used twice, results without their call.
 */
export function checkRules(script: Script, report: Report): void {
  const seen: Seen = {
    parts: createPartNumbers(),
    callIds: new Set(),
    providerCallIds: new Set(),
    usage: undefined,
    noUsage: false,
  };
  script.forEach((step, index) => {
    const here = within(report, index);
    if (endsScript(step) && index < script.length - 1) here("ends the answer, so it must be the last step");
    if ("together" in step) checkTogether(step.together, seen, here);
    else if (isEventStep(step)) checkEvents(step, seen, here);
  });
}

/** True for a step that makes events itself. */
export function isEventStep(step: Step): step is EventStep {
  return !("together" in step || "delay_ms" in step || "error" in step || "truncate" in step || "stall" in step);
}

function endsScript(step: Step): boolean {
  if ("together" in step) return step.together.some(endsScript);
  return "finish" in step || "error" in step || "truncate" in step || "stall" in step;
}

function checkTogether(steps: readonly EventStep[], seen: Seen, report: Report): void {
  steps.forEach((step, index) => {
    const here = within(report, "together", index);
    if ("finish" in step && index < steps.length - 1) here("ends the answer, so it must be the last step");
    if ("repeat" in step && step.repeat !== undefined) here("has no place in together", "repeat");
    if ("per_read" in step && step.per_read !== undefined) here("has no place in together", "per_read");
    checkEvents(step, seen, here);
  });
}

function checkEvents(step: EventStep, seen: Seen, report: Report): void {
  checkPart(step, seen.parts, report);
  if ("tool_call" in step) checkCall(step.tool_call, seen, within(report, "tool_call"));
  else if ("tool_calls" in step) {
    step.tool_calls.forEach((call, index) => {
      checkCall(call, seen, within(report, "tool_calls", index));
    });
  } else if ("tool_result" in step && !seen.providerCallIds.has(step.tool_result.id)) {
    report("is not the id of an earlier tool_call with executor PROVIDER", "tool_result", "id");
  } else if ("usage" in step) checkUsage(step.usage, seen, report);
  else if ("no_usage" in step) {
    if (seen.usage !== undefined) report("contradicts the usage before", "no_usage");
    seen.noUsage = true;
  }
}

function checkPart(step: EventStep, parts: PartNumbers, report: Report): void {
  const taken = (number: number | undefined): void => {
    if (number === undefined) report("is the label of a part of another kind", "part");
  };
  if ("text" in step) taken(parts.content("text", step.part));
  else if ("reasoning" in step) taken(parts.content("reasoning", step.part));
  else if ("refusal" in step) taken(parts.content("refusal", step.part));
  else if ("audio" in step) taken(parts.content("audio", step.part));
  else if ("image" in step) parts.content("image", undefined);
  else if ("tool_result" in step) parts.content("tool_result", undefined);
  else if ("citation" in step || "logprobs" in step) taken(parts.annotated(step.part));
  else if ("provider_state" in step) parts.state(step.part);
}

function checkCall(call: ScriptedToolCall, seen: Seen, report: Report): void {
  if (seen.parts.content("tool_call", call.part) === undefined) report("is the label of another part", "part");
  if (call.id === undefined || call.id === "") return;
  if (seen.callIds.has(call.id)) report("is the id of an earlier tool call", "id");
  seen.callIds.add(call.id);
  if (call.executor === "PROVIDER") seen.providerCallIds.add(call.id);
}

function checkUsage(usage: ScriptedUsage, seen: Seen, report: Report): void {
  if (seen.noUsage) report("contradicts no_usage", "usage");
  if (seen.usage?.final === true) report("comes after the final usage", "usage");
  else if (usage.final !== true && seen.usage !== undefined) {
    for (const [bucket, before] of Object.entries(seen.usage)) {
      const now = Object.entries(usage).find(([name]) => name === bucket)?.[1];
      if (typeof before === "number" && (typeof now !== "number" || now < before)) {
        report(`must not be lower than the ${before} before, unless the usage is final`, "usage", bucket);
      }
    }
  }
  seen.usage = usage;
}
