import { create } from "@bufbuild/protobuf";
import type { CapabilitiesRequest, CapabilitiesResponse } from "../gen/execution/v1/capabilities_pb.js";
import { type ChatRequest, ChatRequestSchema, type ChatResponse } from "../gen/execution/v1/chat_pb.js";
import type { CostsRequest, CostsResponse } from "../gen/execution/v1/costs_pb.js";
import type { PlanRequest, PlanResponse } from "../gen/execution/v1/plan_pb.js";
import type { BudgetBook } from "../ledger/budgets/book.ts";
import type { PriceBook } from "../ledger/prices/price-book.ts";
import type { LedgerStore } from "../ledger/store.ts";
import { type Admin, createAdmin } from "./admin/admin.ts";
import { attemptsStage } from "./attempts/loop.ts";
import type { BudgetDeps } from "./budgets/deps.ts";
import { holdToLimits } from "./budgets/plan-limits.ts";
import type { Call, CallContext, Next, Stage } from "./call.ts";
import { describeCapabilities } from "./capabilities.ts";
import { describeCosts } from "./costs.ts";
import type { Health, TargetState } from "./health/health.ts";
import { createLedgerTurns } from "./ledger-turns.ts";
import { considerPlan, describePlan } from "./plan.ts";
import type { Pulse } from "./pulse.ts";
import { type RoutingState, resolve } from "./resolve.ts";
import { admitStage } from "./stages/admit.ts";
import type { StreamStore } from "./streams/store.ts";
import { createStreams, type Streams } from "./streams/streams.ts";
import type { UnattendedLimits } from "./streams/unattended.ts";

/** What every wire calls: one method an RPC. */
export interface Router {
  /** What is behind AdminService. */
  readonly admin: Admin;
  /**
   * Runs one request. A request that is refused throws at once; else the first array begins with `started`, and the iteration ends after
   * `finished` or throws an ExecutionError. Closing the iterator, or the context's signal, detaches the caller; the call then ends, and the
   * provider's request is closed, unless somebody else reads it or it goes on by its `on_disconnect`.
   */
  chat(request: ChatRequest, context: CallContext): AsyncIterable<readonly ChatResponse[]>;
  readonly streams: Omit<Streams, "stage">;
  capabilities(request: CapabilitiesRequest, context: CallContext): CapabilitiesResponse;
  /** Says what `chat` would do, without doing it. Throws what is wrong with the request whoever serves it. */
  plan(request: PlanRequest, context: CallContext): Promise<PlanResponse>;
  costs(request: CostsRequest, context: CallContext): Promise<CostsResponse>;
  /** False while no attempt can be written down, so that none is sent. */
  canRecord(): boolean;
  /** How the models stand that were tried of late. No RPC: what of it a caller may see is for whoever shows it. */
  targetStates(): readonly TargetState[];
}

/** What the router needs from outside. */
export interface RouterDeps {
  /** The state in force; a call keeps the one it began with. */
  readonly state: () => RoutingState;
  /** A fresh unguessable id, without a prefix. */
  readonly newId: () => string;
  /** Milliseconds since an arbitrary start, monotonic. */
  readonly monotonicMs: () => number;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  readonly prices: PriceBook;
  readonly ledger: LedgerStore;
  readonly budgets: BudgetDeps;
  /** Runs the checkpoints of attempts that take long. */
  readonly pulse: Pulse;
  readonly book: BudgetBook;
  /** What the process knows of its providers. */
  readonly health: Health;
  /** A number from 0 to below 1. */
  readonly random: () => number;
  /** Waits so many milliseconds. Rejects with the signal's reason when it fires. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Closed with the streams. */
  readonly streamStore: StreamStore;
  readonly unattended: UnattendedLimits;
  /** How long the streams go on for peers when they are closed, in milliseconds. */
  readonly handOverMs: number;
  /** Text of at least 128 random bits, of a fixed length and without a dot. */
  readonly newSecret: () => string;
  readonly platformVersion: string;
}

/** Creates the router. The list of stages below is the way of every Chat, in order. */
export function createRouter(deps: RouterDeps): Router {
  const streams = createStreams({ ...deps, store: deps.streamStore });
  const turns = createLedgerTurns();
  const stages: readonly Stage[] = [
    streams.stage, // idempotency, the log, the numbers of its events, one end
    admitStage(deps), // so many calls in a window, so many at once
    attemptsStage(deps), // calls providers until one answers
  ];
  const run = stages.reduceRight<Next>(
    (next, stage) => (call) => stage(call, next),
    () => {
      throw new Error("the last stage has no next");
    },
  );
  return {
    chat: (request, context) => {
      const resolved = resolve(deps.state(), request, context.principal, deps);
      if (resolved.timeoutMs !== undefined) context.limitTotal(resolved.timeoutMs);
      const startedAt = deps.monotonicMs();
      const call: Call = {
        context,
        asked: request,
        resolved,
        step: 0,
        streamId: `stream_${deps.newId()}`,
        record: { attempts: [], contentSent: false, firstContentMs: undefined, priceVersion: "" },
        elapsedMs: () => Math.round(deps.monotonicMs() - startedAt),
      };
      return run(call);
    },
    streams,
    admin: createAdmin({ ...deps, ...deps.budgets, askLedger: turns.askInStream }),
    capabilities: (request, context) =>
      describeCapabilities(deps.state(), request, context.principal, deps.platformVersion),
    plan: async ({ request = create(ChatRequestSchema) }, { principal }) => {
      const consideration = considerPlan(deps.state(), request, principal, deps);
      const candidates = await holdToLimits(deps, consideration, principal);
      return describePlan({ ...consideration, candidates }, principal, deps);
    },
    costs: (request, context) => describeCosts({ ...deps, askLedger: turns.ask }, request, context),
    canRecord: () => deps.ledger.isWritable(),
    targetStates: () => deps.health.states(),
  };
}
