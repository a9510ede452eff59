import type { Admission } from "../../../src/server/admission/admission.ts";
import type { Dispatcher } from "../../../src/server/dispatcher.ts";
import { createGrpcListener, type GrpcListener, type GrpcListenerDeps } from "../../../src/server/grpc/listener.ts";
import { type TransportLimits, transportLimits } from "../../../src/server/grpc/transport.ts";
import { type BackendOptions, createBackend, type LoggedLine } from "../../support/backend.ts";

/** A gRPC listener on a free port, and what stands behind it. */
export interface Running {
  readonly port: number;
  readonly listener: GrpcListener;
  /** What the listener was made of, to make another. */
  readonly deps: GrpcListenerDeps;
  readonly dispatcher: Dispatcher;
  readonly admission: Admission;
  /** The lines that were logged, errors excepted. */
  readonly lines: readonly LoggedLine[];
  /** Causes of the errors that were logged. */
  readonly bugs: unknown[];
}

/** How the listener under test is set up. */
export interface RunOptions extends BackendOptions {
  readonly transport?: Partial<TransportLimits>;
}

/** Runs a test against a listener and closes it whatever happens. */
export async function withListener(options: RunOptions, run: (running: Running) => Promise<void>): Promise<void> {
  const { config, dispatcher, admission, guard, log, lines, bugs } = createBackend(options);
  const { limits } = config;
  const transport = { ...transportLimits(limits), ...options.transport };
  const deps = { dispatcher, guard, settings: config.grpc, limits, log, transport };
  const listener = createGrpcListener(deps);
  const { port } = await listener.listen();
  try {
    await run({ port, listener, deps, dispatcher, admission, lines, bugs });
  } finally {
    await listener.close();
  }
}
