import type { DescMessage, DescMethod, Message, MessageShape } from "@bufbuild/protobuf";
import { AdminService } from "../gen/execution/v1/admin_pb.js";
import { ExecutionService } from "../gen/execution/v1/execution_pb.js";
import type { CallContext } from "../router/call.ts";
import type { Router } from "../router/router.ts";
import { unlessAborted } from "../unless-aborted.ts";

/** Runs a method on a decoded, validated message: arrays of responses, one response in all for a unary method. */
export type Handler = (message: Message, context: CallContext) => AsyncIterable<readonly Message[]>;

/** A method with the types of its messages. */
type Method<Input extends DescMessage, Output extends DescMessage> = DescMethod & {
  readonly input: Input;
  readonly output: Output;
};

/**
 * The methods that are served, whichever listener has them. What is not here answers UNIMPLEMENTED.
 *
 * @param draining ends what would otherwise go on without end.
 */
export function createHandlers(router: Router, draining: AbortSignal): ReadonlyMap<DescMethod, Handler> {
  const { cancel, capabilities, chat, costs, getStream, plan, resume } = ExecutionService.method;
  const admin = AdminService.method;
  return new Map([
    streaming(chat, router.chat),
    unary(capabilities, router.capabilities),
    unary(plan, router.plan),
    streaming(resume, router.streams.resume),
    unary(cancel, router.streams.cancel),
    unary(getStream, router.streams.describe),
    unary(costs, router.costs),
    unary(admin.listBudgets, router.admin.listBudgets),
    unary(admin.getBudget, router.admin.getBudget),
    unary(admin.createBudget, router.admin.createBudget),
    unary(admin.updateBudget, router.admin.updateBudget),
    unary(admin.deleteBudget, router.admin.deleteBudget),
    streaming(admin.watchBudgets, (request, context) => router.admin.watchBudgets(request, context, draining)),
    streaming(admin.watchCosts, (request, context) => router.admin.watchCosts(request, context, draining)),
    streaming(admin.exportCosts, router.admin.exportCosts),
  ]);
}

/** A call that is given up is over at once on every wire, whatever its answer waits for. */
function unary<Input extends DescMessage, Output extends DescMessage>(
  method: Method<Input, Output>,
  answer: (request: MessageShape<Input>, context: CallContext) => MessageShape<Output> | Promise<MessageShape<Output>>,
): readonly [DescMethod, Handler] {
  // The dispatcher decodes what it hands on as the method's own input.
  return [
    method,
    async function* handler(message, context) {
      const answered = Promise.resolve(answer(message as MessageShape<Input>, context));
      yield [await unlessAborted(answered, context.signal)];
    },
  ];
}

function streaming<Input extends DescMessage, Output extends DescMessage>(
  method: Method<Input, Output>,
  answer: (request: MessageShape<Input>, context: CallContext) => AsyncIterable<readonly MessageShape<Output>[]>,
): readonly [DescMethod, Handler] {
  return [method, (message, context) => answer(message as MessageShape<Input>, context)];
}
