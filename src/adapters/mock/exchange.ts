import { type ChatEvent, chatEvent } from "../../contract/events.ts";
import type { AttemptInput, ProviderSettings } from "../adapter.ts";
import { abortError, type ErrorPlace, isAnswered, scriptedError, silenceError, truncatedError } from "./errors.ts";
import type { Pause } from "./pause.ts";
import { type ConfiguredScripts, planAttempt } from "./request.ts";
import { playScript } from "./stream.ts";

/** What an exchange needs beside its input. */
export interface ExchangeDeps {
  readonly settings: ProviderSettings;
  readonly configured: ConfiguredScripts;
  readonly pause: Pause;
  readonly newId: () => string;
}

/**
 * One exchange, from the plan to `finished` or the error. Warnings about what the mock leaves out come first; then what arrives takes a turn of the
 * event loop each, as a read from a socket does, so that a long script starves nobody.
 */
export async function* runExchange(input: AttemptInput, deps: ExchangeDeps): AsyncGenerator<readonly ChatEvent[]> {
  const { signal, step, attempt } = input;
  if (signal.aborted) throw abortError(signal);
  const place = { provider: deps.settings.name, model: input.model };
  const { warnings, script, countInput, toolCalls } = planAttempt(input, deps.settings, deps.configured);
  if (warnings.length > 0) yield warnings.map((value) => chatEvent({ case: "warning", value }));
  const silence = createSilence(deps, place, signal);
  const arrive = (): void => {
    if (!silence.begun) input.onHeaders();
    silence.end();
  };
  let finished = false;
  for (const beat of playScript(script, { step, attempt, countInput, toolCalls, newId: deps.newId })) {
    await silence.wait(beat.kind === "wait" ? beat.delayMs : 0);
    if (beat.kind === "fail") {
      if (isAnswered(beat.error)) arrive();
      throw scriptedError(beat.error, place);
    }
    if (beat.kind !== "read") continue;
    arrive();
    finished = beat.events.at(-1)?.event.case === "finished";
    yield beat.events;
  }
  if (finished) return;
  await silence.wait(0);
  arrive();
  throw truncatedError(place);
}

/** The time since the last read, held to the instance's limits. */
interface Silence {
  /** True once something arrived. */
  readonly begun: boolean;
  /** Lets time pass. Throws what the signal was fired with, or that the provider was silent for too long. */
  wait(delayMs: number): Promise<void>;
  /** Something arrived. */
  end(): void;
}

function createSilence({ settings, pause }: ExchangeDeps, place: ErrorPlace, signal: AbortSignal): Silence {
  const { headersMs, idleMs } = settings.timeouts;
  let begun = false;
  let silentMs = 0;
  const pass = async (delayMs: number): Promise<void> => {
    try {
      await pause(delayMs, signal);
    } catch (thrown) {
      if (signal.aborted) throw abortError(signal);
      throw thrown;
    }
    if (signal.aborted) throw abortError(signal);
  };
  return {
    get begun() {
      return begun;
    },
    wait: async (delayMs) => {
      const limitMs = begun ? idleMs : headersMs;
      const leftMs = limitMs - silentMs;
      if (delayMs > 0 && delayMs >= leftMs) {
        await pass(leftMs);
        throw silenceError(limitMs, begun, place);
      }
      await pass(delayMs);
      silentMs += delayMs;
    },
    end: () => {
      begun = true;
      silentMs = 0;
    },
  };
}
