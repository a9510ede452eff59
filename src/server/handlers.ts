import type { Message } from "@bufbuild/protobuf";
import type { CancelRequest, GetStreamRequest, ResumeRequest } from "../gen/execution/v1/streams_pb.js";
import type { CallContext } from "../router/call.ts";
import type { Router } from "../router/router.ts";

/** Runs one RPC: arrays of responses, one response in all for a unary method. */
type Handler = (message: Message, context: CallContext) => AsyncIterable<readonly Message[]>;

/** The methods that are served, by local name. What is not here answers UNIMPLEMENTED. */
export function createHandlers(router: Router): Readonly<Record<string, Handler>> {
  return {
    chat: (message, context) => router.chat(message as Parameters<Router["chat"]>[0], context),
    capabilities: async function* (message, context) {
      yield [router.capabilities(message as Parameters<Router["capabilities"]>[0], context)];
    },
    plan: async function* (message, context) {
      yield [router.plan(message as Parameters<Router["plan"]>[0], context)];
    },
    resume: (message, context) => router.streams.resume(message as ResumeRequest, context),
    cancel: async function* (message, context) {
      yield [await router.streams.cancel(message as CancelRequest, context)];
    },
    getStream: async function* (message, context) {
      yield [await router.streams.describe(message as GetStreamRequest, context)];
    },
    costs: async function* (message, context) {
      yield [await router.costs(message as Parameters<Router["costs"]>[0], context)];
    },
  };
}
