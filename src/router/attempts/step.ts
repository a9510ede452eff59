import type { HedgeSettings } from "../../config/config.ts";
import { ExecutionError } from "../../errors.ts";
import { FallbackPolicy } from "../../gen/execution/v1/chat_pb.js";
import type { Call } from "../call.ts";
import { type Attempt, createAttempt } from "./attempt.ts";
import { createCeilingRoom } from "./ceiling-room.ts";
import { type Continuation, createContinuation } from "./continuation.ts";
import type { AttemptDeps } from "./deps.ts";
import { hedgeDelayMs, mayHedge } from "./hedge.ts";
import { createNews } from "./held-events.ts";
import { type NextMove, nextMove } from "./next-step.ts";
import { createRace } from "./race.ts";
import type { Situation, Try } from "./situation.ts";
import { type Admission, createTarget, type Target } from "./target.ts";

/** One step of a call while it is served: its candidates, and what was tried of them. */
export interface StepRun {
  /** Creates the attempt of a move once its time has come, or, if it may not start then, that of what comes next. Throws the error of the end. */
  start(move: NextMove): Promise<Attempt>;
  /** Enters a failed attempt, and says what comes next. */
  failed(attempt: Attempt, error: ExecutionError): NextMove;
}

/** Creates a step of which nothing was tried. Candidates that are known to serve the request are first asked when their turn comes. */
export function createStep(deps: AttemptDeps, call: Call): StepRun {
  const { resolved, context } = call;
  const { routing, request } = resolved;
  const targets = resolved.candidates.map((candidate, place) => createTarget(deps.health, candidate, place, routing));
  const mayFallBack = request.fallbackPolicy !== FallbackPolicy.DENY;
  const tries: Try[] = [];
  const asked = new Map<number, boolean>([[0, true]]);
  const isNews = createNews();
  const continuation: Continuation | undefined = routing.continuation ? createContinuation(call) : undefined;
  const hasRoom = createCeilingRoom(deps, call, targets, () => continuation?.request() ?? request);

  const situation = (): Situation => ({
    places: targets.map((target, place) => ({
      ...target.describe(),
      isUnfit: asked.get(place) === false,
      isAffordable: hasRoom(target),
    })),
    tries,
    policy: {
      mayFallBack,
      fallBackOnBlock: routing.fallBackOnBlock,
      mayContinue: continuation?.isPossible() ?? false,
    },
    remainingMs: context.remainingMs(),
    random: deps.random,
  });
  const fits = (place: number): boolean => {
    const known = asked.get(place);
    if (known !== undefined) return known;
    const fit = canBuild(targets[place], request);
    asked.set(place, fit);
    return fit;
  };
  const next = (): NextMove => {
    let move = nextMove(situation());
    while (move.kind !== "FAIL" && !fits(move.place)) move = nextMove(situation());
    return move;
  };
  const enter = (attempt: Attempt, error: ExecutionError): void => {
    tries.push({ place: attempt.place(), error, hadContent: attempt.hasContent() });
  };
  const firstContentMs = (place: number): number | undefined => {
    const own = targets[place]?.candidate.adapter.settings.timeouts.firstTokenMs ?? Number.POSITIVE_INFINITY;
    const isLast = new Set([place, ...tries.map((each) => each.place)]).size === targets.length;
    // Who has others behind it may use half of what is left to begin with, so that they have their chance within the deadline.
    const share = isLast ? Number.POSITIVE_INFINITY : Math.ceil(context.remainingMs() / 2);
    const limit = Math.min(own, share);
    return limit === Number.POSITIVE_INFINITY ? undefined : limit;
  };
  const admit = (place: number, isHedge: boolean): Admission | undefined => {
    const target = targets[place];
    const isFurther = isHedge || tries.some((each) => targets[each.place]?.provider === target?.provider);
    return target?.admit(isFurther);
  };
  const create = (admission: Admission): Attempt => {
    const going = continuation?.begin();
    return createAttempt(deps, {
      call,
      admission,
      request: going?.request ?? request,
      firstContentMs: firstContentMs(admission.place),
      isNews,
      ...(going !== undefined && { adjust: going.adjust }),
      ...(continuation !== undefined && { onTold: continuation.add }),
    });
  };
  /** The candidate that would be next, beside the one that runs. */
  const openSecond = async (settings: HedgeSettings, running: number): Promise<Attempt | undefined> => {
    const place = targets.findIndex(
      (target, index) =>
        index !== running &&
        !tries.some((each) => each.place === index) &&
        mayHedge(deps, call, target, settings) &&
        hasRoom(target) &&
        fits(index),
    );
    const admission = place < 0 ? undefined : admit(place, true);
    if (admission === undefined) return undefined;
    const second = create(admission);
    // The call can do without it.
    try {
      await second.open();
      return second;
    } catch {
      await second.close();
      return undefined;
    }
  };
  const beside = (attempt: Attempt): Attempt => {
    const { hedge } = routing;
    if (hedge === undefined || targets.length === 1 || !mayFallBack || (continuation?.hasContent() ?? false)) {
      return attempt;
    }
    const delayMs = hedgeDelayMs(deps, attempt, hedge);
    if (delayMs === undefined) return attempt;
    return createRace(attempt, {
      elapsed: (signal) => deps.wait(delayMs, signal),
      open: () => openSecond(hedge, attempt.place()),
      lost: enter,
    });
  };
  return {
    start: async (move) => {
      let wanted = move;
      while (wanted.kind !== "FAIL") {
        if (wanted.afterMs > 0) await deps.wait(wanted.afterMs, context.signal);
        const admission = admit(wanted.place, false);
        if (admission !== undefined) return beside(create(admission));
        wanted = next();
      }
      throw wanted.error;
    },
    failed: (attempt, error) => {
      enter(attempt, error);
      return next();
    },
  };
}

/** Whether a candidate that was not asked yet can build the request. */
function canBuild(target: Target | undefined, request: Call["resolved"]["request"]): boolean {
  if (target === undefined) return false;
  const { adapter, model } = target.candidate;
  try {
    adapter.preview({ request, model: model.model });
    return true;
  } catch (thrown) {
    if (thrown instanceof ExecutionError) return false;
    throw thrown;
  }
}
