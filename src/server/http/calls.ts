import type { DescMethod, Message } from "@bufbuild/protobuf";
import { ExecutionError } from "../../errors.ts";
import type { Dispatcher, ServerCall } from "../dispatcher.ts";
import { readTimeout } from "../timeout.ts";
import { sendProblem } from "./answer.ts";
import type { Exchange } from "./exchange.ts";
import type { TransportLimits } from "./limits.ts";

/** Runs one REST request as a call of an RPC: the same authentication, limits, deadline and errors as on every wire. */
export interface RestCalls {
  /**
   * Begins a call, hands it to `serve`, and ends it. What `serve` throws becomes a problem document, if nothing was sent before. The caller's
   * deadline is the header `connect-timeout-ms`, whole milliseconds; without it the platform's default holds.
   */
  run(exchange: Exchange, method: DescMethod, serve: (call: ServerCall) => Promise<void>): Promise<void>;
}

/** Creates the runner of REST calls. */
export function createRestCalls(dispatcher: Dispatcher, limits: TransportLimits): RestCalls {
  return {
    run: async (exchange, method, serve) => {
      const { header, host, response } = exchange;
      const { timeoutMs, problem } = readTimeout(header, "connect-timeout-ms");
      let call: ServerCall | undefined;
      try {
        call = dispatcher.begin({ method, header, host, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
        if (problem !== undefined) throw problem;
        response.setHeader("x-request-id", call.requestId);
        response.once("close", call.cancel);
        await serve(call);
      } catch (thrown) {
        sendProblem(exchange, limits, call === undefined ? dispatcher.status(thrown) : call.status(thrown));
      } finally {
        if (call !== undefined) response.off("close", call.cancel);
        call?.end();
      }
    },
  };
}

/** Runs a unary RPC and gives back its one response. */
export async function runUnary(call: ServerCall, message: Message): Promise<Message> {
  for await (const [response] of await call.run(message)) {
    if (response !== undefined) return response;
  }
  throw new ExecutionError("BUG", "the method gave no response");
}
