import type { ChatRequest, Warning } from "../../gen/execution/v1/chat_pb.js";
import type { AttemptInput, ProviderSettings } from "../adapter.ts";
import { tryParse } from "../json.ts";
import { defaultAnswer } from "./answer.ts";
import { invalidScriptError, unreadableError } from "./errors.ts";
import { takeRequest } from "./limits.ts";
import { parseScripts } from "./parse.ts";
import type { Script } from "./script.ts";
import { countInput, type InputTokens } from "./tokens.ts";

/** Finds the scripts the configuration has for a model; none: the default answer. */
export type ConfiguredScripts = (model: string) => readonly Script[];

/** What the mock is going to do in one attempt. */
export interface MockPlan {
  readonly warnings: readonly Warning[];
  readonly script: Script;
  /** Counts the input when the usage is needed. */
  readonly countInput: () => InputTokens;
  /** Tool calls the conversation has so far. */
  readonly toolCalls: number;
}

/**
 * Plans an attempt: by the request's own script, else the configuration's, else the default answer. Throws INVALID_FIELD for a bad script in the
 * request and for a schema that is not JSON, CAPABILITY_MISSING for what the model cannot take.
 */
export function planAttempt(
  input: Pick<AttemptInput, "request" | "model" | "attempt">,
  settings: ProviderSettings,
  configured: ConfiguredScripts,
): MockPlan {
  const place = { provider: settings.name, model: input.model };
  const own = requestScripts(input.request, settings.kind);
  const { request, caching, warnings } = takeRequest(input.request, settings, place);
  const scripts = own.length > 0 ? own : configured(input.model);
  return {
    warnings,
    script: scripts[Math.min(input.attempt, scripts.length - 1)] ?? defaultAnswer(request),
    countInput: () => countInput(request, caching),
    toolCalls: request.messages.flatMap(({ parts }) => parts).filter(({ kind }) => kind.case === "toolCall").length,
  };
}

function requestScripts(request: ChatRequest, kind: string): readonly Script[] {
  const text = request.providerOptionsJson[kind];
  if (text === undefined) return [];
  const root = `provider_options_json["${kind}"]`;
  const options = tryParse(text);
  if (options === undefined) throw unreadableError(root);
  const parsed = parseScripts(options);
  if ("problems" in parsed) throw invalidScriptError(parsed.problems, root);
  return parsed.scripts;
}
