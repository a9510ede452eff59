import { create } from "@bufbuild/protobuf";
import { type ChatEvent, isContent, warningEvent } from "../../contract/events.ts";
import { unknownUsage } from "../../contract/usage.ts";
import { ExecutionError, toExecutionError } from "../../errors.ts";
import type { ChatRequest } from "../../gen/execution/v1/chat_pb.js";
import { AttemptOutcome, type AttemptSummary, AttemptSummarySchema } from "../../gen/execution/v1/usage_pb.js";
import { type Lease, takeLease } from "../budgets/lease.ts";
import type { Call } from "../call.ts";
import { createMeter } from "../meter.ts";
import { attemptStarted, completeFinished, finalUsage } from "./attempt-events.ts";
import type { AttemptDeps } from "./deps.ts";
import { createHeldEvents } from "./held-events.ts";
import { type AttemptTimes, markFailed, markGivenUp, markWon, timingsOf } from "./outcome.ts";
import { createAttemptSignal } from "./signal.ts";
import type { Admission } from "./target.ts";

/** What one attempt is made of. */
export interface AttemptInput {
  readonly call: Call;
  /** Leave of its place; the attempt gives it back. */
  readonly admission: Admission;
  readonly request: ChatRequest;
  /** Longest time to the first content, in milliseconds; undefined: the call's. */
  readonly firstContentMs: number | undefined;
  /** Whether a warning was not told before. */
  readonly isNews: (warning: ChatEvent) => boolean;
  /** Fits the events to what another attempt has said before. */
  readonly adjust?: (events: readonly ChatEvent[]) => readonly ChatEvent[];
  /** Told what is handed on. */
  readonly onTold?: (events: readonly ChatEvent[]) => void;
}

/**
 * One attempt. It takes its lease and opens its row before it is told or sent. It ends in exactly one way: it wins, it fails, or it is closed; its row is
 * settled then, before that is told. One that could not be opened never was: the call's record does not have it, and it costs nothing.
 *
 * What changes is asked by methods and not by getters: an object literal with a getter gets a hidden class of its own, which costs as much as all else
 * that is done for an attempt.
 */
export interface Attempt {
  summary(): AttemptSummary;
  /** Index of its place among the candidates. */
  place(): number;
  /** True once it gave content, or anything else that cannot be taken back. */
  hasContent(): boolean;
  /** True once its answer is complete. */
  isFinished(): boolean;
  /**
   * Takes the lease of what it may cost, opens its row, and enters it into the call's record. Once only, and before anything else. Throws what a budget or limit
   * refuses it by, and LEDGER_UNAVAILABLE if there can be no row; it may then be failed or closed like any other, and never was.
   */
  open(): Promise<void>;
  /** What is told before it begins. */
  opening(): readonly ChatEvent[];
  /** Sends the request. Once only. */
  send(): AsyncIterable<readonly ChatEvent[]>;
  /** Meters what was read, and returns what of it is handed on. */
  take(events: readonly ChatEvent[]): readonly ChatEvent[];
  /** True if what was handed on comes near to what its lease allows. */
  isShort(): boolean;
  /** Takes more. Throws BUDGET_EXCEEDED, by which the attempt is cut, if there is no more. */
  extend(): Promise<void>;
  /** What is told after it has failed: of the budget by which it was cut, and what it used until then. */
  closing(): readonly ChatEvent[];
  /** Meters what was read and nobody will be told. */
  meterOnly(events: readonly ChatEvent[]): void;
  /** Ends the attempt, whose last events these are, as the one that gave the answer. */
  win(events: readonly ChatEvent[]): Promise<readonly ChatEvent[]>;
  /** Ends the attempt by what was thrown, and returns that as an error. */
  fail(thrown: unknown): Promise<ExecutionError>;
  /** Gives the attempt up, unless it has ended. */
  close(): Promise<void>;
}

/** Creates an attempt that has not been opened. */
export function createAttempt(deps: AttemptDeps, input: AttemptInput): Attempt {
  const { call, admission, request } = input;
  const { record } = call;
  const { candidate, place } = admission;
  const { adapter, model, toolTier, warnings, preview } = candidate;
  const summary = create(AttemptSummarySchema, {
    step: call.step,
    candidate: {
      $typeName: "execution.v1.Candidate",
      provider: adapter.settings.name,
      kind: adapter.settings.kind,
      model: model.model,
    },
    toolTier,
  });
  const meter = createMeter(deps, call, candidate, request);
  const held = createHeldEvents(input.isNews);
  const { totalMs } = adapter.settings.timeouts;
  const signal = createAttemptSignal(call.context.signal, { firstContentMs: input.firstContentMs, totalMs });
  let startedMs = 0;
  let lease: Lease | undefined;
  let toldAtEnd: readonly ChatEvent[] = [];
  let headersMs: number | undefined;
  let firstContentMs: number | undefined;
  let wasSent = false;
  let hasFinalUsage = false;
  let isFinished = false;
  let isOpen = false;

  const times = (): AttemptTimes => ({ headersMs, firstContentMs, totalMs: call.elapsedMs() - startedMs });
  const begin = (): void => {
    firstContentMs = call.elapsedMs() - startedMs;
    signal.answered();
    admission.answered(firstContentMs);
    record.contentSent = true;
    record.firstContentMs ??= call.elapsedMs();
  };
  const see = (event: ChatEvent): void => {
    meter.see(event);
    if (event.event.case !== "usage") return;
    summary.usage = event.event.value.usage ?? summary.usage ?? unknownUsage();
    hasFinalUsage ||= event.event.value.final;
  };
  const leave = (): void => {
    signal.clear();
    admission.end();
  };
  const end = async (): Promise<void> => {
    leave();
    summary.timings = timingsOf(times(), 0);
    try {
      await meter.settle(summary);
    } finally {
      const streamedTokens = meter.streamedTokens();
      toldAtEnd = (await lease?.settle({ summary, isFinal: hasFinalUsage, streamedTokens })) ?? [];
    }
  };
  return {
    summary: () => summary,
    place: () => place,
    hasContent: () => firstContentMs !== undefined,
    isFinished: () => isFinished,
    open: async () => {
      lease = await takeLease(deps, call, candidate, request);
      startedMs = call.elapsedMs();
      summary.attempt = record.attempts.length;
      // Before the wait, so that no other attempt takes the number meanwhile.
      record.attempts.push(summary);
      try {
        await meter.open(summary);
      } catch (thrown) {
        record.attempts.splice(record.attempts.indexOf(summary), 1);
        await lease?.release();
        throw thrown;
      }
      isOpen = true;
    },
    opening: () => {
      const told = [...warnings.map(warningEvent), ...meter.warnings, ...(lease?.opening ?? [])].filter(input.isNews);
      return [attemptStarted(summary), ...told];
    },
    send: () => {
      wasSent = true;
      signal.start();
      return adapter.chat({
        request: lease?.request ?? request,
        model: model.model,
        step: summary.step,
        attempt: summary.attempt,
        ...(preview === undefined ? {} : { preview }),
        signal: signal.signal,
        onHeaders: () => {
          headersMs = call.elapsedMs() - startedMs;
        },
      });
    },
    take: (read) => {
      const events = input.adjust?.(read) ?? read;
      for (const event of events) {
        see(event);
        if (firstContentMs === undefined && isContent(event)) begin();
      }
      isFinished = events.at(-1)?.event.case === "finished";
      const told = held.pass(events);
      input.onTold?.(told);
      return told;
    },
    isShort: () => lease?.isShort(meter.streamedTokens()) ?? false,
    extend: async () => lease?.extend(meter.streamedTokens()),
    closing: () => {
      if (lease?.isCut() !== true) return [];
      const { usage } = summary;
      return usage === undefined || hasFinalUsage ? lease.closing() : [...lease.closing(), finalUsage(summary, usage)];
    },
    meterOnly: (events) => {
      for (const event of events) see(event);
    },
    win: async (events) => {
      const usage = summary.usage ?? unknownUsage();
      summary.usage = usage;
      markWon(summary);
      admission.succeeded();
      await end();
      const last = events.at(-1);
      if (last?.event.case !== "finished") return events;
      completeFinished(last.event.value, record, summary, timingsOf(times(), startedMs));
      const told = toldAtEnd.filter(input.isNews);
      if (hasFinalUsage && told.length === 0) return events;
      return [...events.slice(0, -1), ...(hasFinalUsage ? [] : [finalUsage(summary, usage)]), ...told, last];
    },
    fail: async (thrown) => {
      const found = toExecutionError(thrown, deps.newId);
      if (!isOpen) leave();
      // What goes wrong before it begins, or once it has ended, is no failure of the provider.
      if (!isOpen || summary.outcome !== AttemptOutcome.UNSPECIFIED) return found;
      const error = found.with({ provider: adapter.settings.name, model: model.model });
      markFailed(summary, error, times());
      admission.failed(error);
      await end();
      return error;
    },
    close: async () => {
      if (!isOpen) leave();
      if (!isOpen || summary.outcome !== AttemptOutcome.UNSPECIFIED) return;
      markGivenUp(summary, wasSent, times());
      signal.abort(new ExecutionError("CANCELLED", "the answer is no longer wanted"));
      await end();
    },
  };
}
