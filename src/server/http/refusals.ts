import { ExecutionError } from "../../errors.ts";
import type { Dispatcher } from "../dispatcher.ts";
import { sendProblem } from "./answer.ts";
import type { Exchange } from "./exchange.ts";
import type { TransportLimits } from "./limits.ts";

/** Refusals HTTP has a status of its own for. Each sends a problem document. */
export interface Refusals {
  /** 404, ROUTE_NOT_FOUND. */
  routeNotFound(exchange: Exchange): void;
  /** 405 with `allow`, ROUTE_NOT_FOUND. */
  methodNotAllowed(exchange: Exchange, methods: readonly string[]): void;
  /** 415 with `accept-post`, INVALID_FIELD about the header. */
  unsupportedMediaType(exchange: Exchange, types: readonly string[]): void;
}

/** Creates the refusals. */
export function createRefusals(dispatcher: Dispatcher, limits: TransportLimits): Refusals {
  return {
    routeNotFound: (exchange) => {
      const error = new ExecutionError("ROUTE_NOT_FOUND", "there is nothing at this path");
      sendProblem(exchange, limits, dispatcher.status(error));
    },
    methodNotAllowed: (exchange, methods) => {
      exchange.response.setHeader("allow", methods.join(", "));
      const error = new ExecutionError("ROUTE_NOT_FOUND", `this path answers to ${methods.join(", ")}`);
      sendProblem(exchange, limits, dispatcher.status(error), 405);
    },
    unsupportedMediaType: (exchange, types) => {
      exchange.response.setHeader("accept-post", types.join(", "));
      const description = `must be ${types.join(" or ")}`;
      const error = new ExecutionError("INVALID_FIELD", `the header content-type ${description}`, {
        fields: [{ field: "content-type", description }],
      });
      sendProblem(exchange, limits, dispatcher.status(error), 415);
    },
  };
}
