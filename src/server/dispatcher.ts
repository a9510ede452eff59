import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { Config } from "../config/config.ts";
import { toStatus } from "../contract/error-details.ts";
import { ExecutionError, toExecutionError } from "../errors.ts";
import { AdminService } from "../gen/execution/v1/admin_pb.js";
import { ExecutionService } from "../gen/execution/v1/execution_pb.js";
import { Role } from "../gen/execution/v1/options_pb.js";
import type { Status } from "../gen/google/rpc/status_pb.js";
import { createRoster } from "../roster.ts";
import type { CallContext } from "../router/call.ts";
import type { TargetState } from "../router/health/health.ts";
import type { Router } from "../router/router.ts";
import type { Log } from "../telemetry/log.ts";
import { accessOf } from "./access.ts";
import type { Admission } from "./admission/admission.ts";
import type { ShedReason } from "./admission/shedding.ts";
import type { Authenticate, HeaderLookup } from "./auth.ts";
import { createDeadline } from "./deadline.ts";
import type { Guard } from "./guard.ts";
import { createHandlers } from "./handlers.ts";
import { createReading, type RequestReading } from "./reading.ts";

/** What a wire knows of a call before its body is read. */
export interface CallHead {
  readonly method: DescMethod;
  readonly header: HeaderLookup;
  /** Host header or `:authority`. */
  readonly host: string | undefined;
  /** The caller's own deadline in milliseconds from now; absent if it has none. */
  readonly timeoutMs?: number;
}

/** One call on a wire, from its headers to its status. `end` must be called, whatever happens. */
export interface ServerCall extends Omit<RequestReading, "decodedBytes"> {
  readonly requestId: string;
  /** Fires when the call is cancelled or its time is over. */
  readonly signal: AbortSignal;
  /** Largest body the method takes, in bytes. */
  readonly maxBytes: number;
  /**
   * Says how many bytes the call's body has, or may come to have; a later size replaces an earlier one. Refuses with MESSAGE_TOO_LARGE or, if
   * the process would hold too many request bytes, OVERLOADED.
   */
  admitBytes(size: number): void;
  /** Validates and runs the method: arrays of responses, one response in all for a unary method. Throws ExecutionErrors. */
  run(message: Message): Promise<AsyncIterable<readonly Message[]>>;
  /**
   * Runs Resume for the stream of an id, which is as good as its token for a key of its tenant. With `from` the caller gets events it has anew, from
   * the one after that number on. Throws as Resume does.
   */
  attach(streamId: string, afterSequence: number, from?: number): Promise<AsyncIterable<readonly Message[]>>;
  /** Says that the caller has left. */
  cancel(): void;
  /** Reads anything thrown as the status to send. Logs bugs. */
  status(thrown: unknown): Status;
  /** Gives back what the call holds. */
  end(): void;
}

/** What the process holds for its calls at one moment. */
export interface Held {
  /** Slots that are taken, of `limits.max_calls`. */
  readonly calls: number;
  /** Bytes of requests, of `limits.max_in_flight_size`. */
  readonly requestBytes: number;
  /** Streams that run, with or without a reader. */
  readonly streams: number;
  /** Bytes of the logs of streams, of `streams.log_memory`. */
  readonly logBytes: number;
}

/** The one implementation of every RPC of every service behind all wires: auth, limits, decoding, validation, deadline, errors, drain. */
export interface Dispatcher {
  /** Begins a call. Throws before anything of the body is read: ORIGIN_DENIED, AUTH_INVALID, SCOPE_DENIED, DRAINING, OVERLOADED. */
  begin(head: CallHead): ServerCall;
  /** Status of a failure outside any call. */
  status(thrown: unknown): Status;
  /**
   * Refuses new calls, waits for running ones until `drainMs` has passed, then hands over those that a peer can serve and ends the rest with
   * INTERRUPTED. Until then streams that run may still be attached to. Every listener may call it: there is one drain.
   */
  drain(): Promise<void>;
  /** Ends what runs with INTERRUPTED now, with or without a caller, and with it the wait of a drain. */
  interrupt(): void;
  /** Resolves once every call that runs now has ended; those that begin later do not count. */
  settled(): Promise<void>;
  readonly draining: boolean;
  /** False while the ledger cannot be written to, so that no call that spends is served. */
  canRecord(): boolean;
  /** What calls are refused for now; empty while none are. */
  shedding(): readonly ShedReason[];
  held(): Held;
  /** How the models stand that were tried of late, whoever may know of them. */
  targetStates(): readonly TargetState[];
  /** Fires when the drain begins. */
  readonly drainStarted: AbortSignal;
  readonly running: number;
}

/** What the dispatcher needs. */
export interface DispatcherDeps {
  readonly router: Router;
  readonly authenticate: Authenticate;
  readonly guard: Guard;
  readonly admission: Admission;
  /** The limits in force; a call keeps those it began with. */
  readonly limits: () => Config["limits"];
  readonly log: Log;
  readonly newId: () => string;
}

/** Loaded by the first call, so that the listeners open sooner; an import costs some 30 us even if it is loaded. */
let validation: typeof import("./validate.ts") | undefined;

/** Creates the dispatcher. Fails if an RPC of a service carries no access label. */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { admission, log, newId, router } = deps;
  const drainStarted = new AbortController();
  const handlers = createHandlers(router, drainStarted.signal);
  const methods = [ExecutionService, AdminService].flatMap((service): readonly DescMethod[] => service.methods);
  const labels = new Map(methods.map((method) => [method, labelOf(method)]));
  const running = createRoster<() => void>();
  let drained: Promise<void> | undefined;
  let handedOver = false;
  let onIdle: (() => void) | undefined;
  /** Told of every call that ends. */
  const waiting = new Set<(call: () => void) => void>();

  const statusOf = (thrown: unknown, requestId: string): Status => {
    const error = toExecutionError(thrown, () => requestId);
    if (error.reason === "BUG") log.error("a call failed by a bug", error.cause ?? error, { requestId });
    try {
      return toStatus(error, error.extras.requestId ?? requestId);
    } catch (cause) {
      // Whatever an error holds, its caller gets a status.
      log.error("the status of an error could not be built", cause, { requestId, reason: error.reason });
      return toStatus(new ExecutionError("BUG", `internal error ${requestId}; the log has its cause`), requestId);
    }
  };

  const begin = (head: CallHead): ServerCall => {
    deps.guard.check(head.host, head.header("origin"));
    const principal = deps.authenticate(head.header);
    const label = labels.get(head.method);
    if (label === undefined || !principal.roles.some((role) => label.roles.includes(role))) {
      const roles = (label?.roles ?? []).map((role) => (Role[role] ?? "").toLowerCase()).join(", ");
      throw new ExecutionError("SCOPE_DENIED", `${head.method.name} is for keys with one of the roles ${roles}`);
    }
    if (drained !== undefined && (handedOver || !ATTACHING.has(head.method)))
      throw new ExecutionError("DRAINING", "this server is shutting down; call another one", { retryAfterMs: 0 });
    const admitted = admission.admit({ ...label, key: principal.key });
    const requestId = `req_${newId()}`;
    const limits = deps.limits();
    const asked = head.timeoutMs;
    const deadline = createDeadline(Math.min(asked ?? limits.defaultDeadlineMs, limits.maxDeadlineMs));
    const interrupt = (): void =>
      deadline.abort(new ExecutionError("INTERRUPTED", "the server stopped before the call ended"));
    const leave = running.add(interrupt);
    const maxBytes = head.method === ExecutionService.method.chat ? limits.maxChatBytes : limits.maxMessageBytes;
    const context: CallContext = {
      requestId,
      principal,
      signal: deadline.signal,
      remainingMs: deadline.remainingMs,
      end: deadline.abort,
      limitTotal: (totalMs) => {
        if (asked === undefined) deadline.setTotal(Math.min(totalMs, limits.maxDeadlineMs));
      },
    };
    const { input } = head.method;
    const reading = createReading(input, deadline.signal);
    let bodyBytes = 0;
    const { scan, decode, parseJson, decodeJson, nextStep } = reading;
    return {
      scan,
      decode,
      parseJson,
      decodeJson,
      nextStep,
      requestId,
      signal: deadline.signal,
      maxBytes,
      admitBytes: (size) => {
        if (size > maxBytes) {
          throw new ExecutionError(
            "MESSAGE_TOO_LARGE",
            `the message has ${size} bytes; ${head.method.name} takes at most ${maxBytes}`,
          );
        }
        admitted.hold(size);
        bodyBytes = size;
      },
      run: async (message) => {
        const handler = handlers.get(head.method);
        if (handler === undefined) {
          throw new ExecutionError("UNIMPLEMENTED", `this server does not serve ${head.method.name} yet`);
        }
        validation ??= await import("./validate.ts");
        await nextStep();
        validation.validateMessage(input, message, Math.max(bodyBytes, reading.decodedBytes()));
        deadline.signal.throwIfAborted();
        return handler(message, context);
      },
      attach: (streamId, afterSequence, from = afterSequence) =>
        router.streams.attach(streamId, { after: afterSequence, from }, context),
      cancel: () => deadline.abort(new ExecutionError("CANCELLED", "the caller cancelled the call")),
      status: (thrown) => statusOf(thrown, requestId),
      end: () => {
        deadline.clear();
        admitted.end();
        if (leave() && running.size === 0) onIdle?.();
        for (const ended of waiting) ended(interrupt);
      },
    };
  };

  const idle = async (): Promise<void> => {
    if (running.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    onIdle = resolve;
    await promise;
  };
  /** Every call has ended, those without a caller included. */
  const allEnded = async (): Promise<void> => {
    await Promise.all([idle(), router.streams.settled()]);
    // Somebody may have attached to a stream that has just ended.
    if (running.size > 0) await idle();
  };
  const waitAndEnd = async (): Promise<void> => {
    const timeUp = Promise.withResolvers<void>();
    const timer = setTimeout(timeUp.resolve, deps.limits().drainMs);
    await Promise.race([allEnded(), timeUp.promise]);
    clearTimeout(timer);
    handedOver = true;
    await router.streams.handOver();
    for (const interrupt of running.all()) interrupt();
    await idle();
  };

  const settled = async (): Promise<void> => {
    const left = new Set(running.all());
    if (left.size === 0) return;
    const all = Promise.withResolvers<void>();
    const ended = (call: () => void): void => {
      if (left.delete(call) && left.size === 0) all.resolve();
    };
    waiting.add(ended);
    await all.promise;
    waiting.delete(ended);
  };

  return {
    begin,
    settled,
    status: (thrown) => statusOf(thrown, `req_${newId()}`),
    get draining() {
      return drained !== undefined;
    },
    canRecord: () => router.canRecord(),
    shedding: admission.shedding,
    held: () => ({
      calls: admission.calls,
      requestBytes: admission.requestBytes,
      ...router.streams.held(),
    }),
    targetStates: () => router.targetStates(),
    drainStarted: drainStarted.signal,
    get running() {
      return running.size;
    },
    interrupt: () => {
      router.streams.interrupt();
      for (const interrupt of running.all()) interrupt();
    },
    drain: () => {
      drained ??= waitAndEnd();
      drainStarted.abort();
      return drained;
    },
  };
}

/** Methods that belong to a stream which is there already: they are served while it is. */
const ATTACHING: ReadonlySet<DescMethod> = new Set([
  ExecutionService.method.resume,
  ExecutionService.method.cancel,
  ExecutionService.method.getStream,
]);

/** What the contract says of a method: who may call it, whether it can cost money, and whether it occupies a slot while it runs. */
function labelOf(method: DescMethod) {
  const { roles, spends } = accessOf(method);
  return { roles, spends, takesSlot: spends || method.methodKind === "server_streaming" };
}
