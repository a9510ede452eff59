import type { RpcHandler } from "./handler.ts";
import { createCallHandler } from "./rpc-calls.ts";
import { createServicesHandler, type ServicesDeps } from "./rpc-services.ts";

/** Creates the handler of every RPC path. Loaded after the port listens, since Connect is most of what the listener costs to start. */
export function createRpcHandler(deps: ServicesDeps): RpcHandler {
  const calls = createCallHandler(deps);
  const standard = createServicesHandler(deps);
  return {
    serve: (exchange, method) => (deps.services.includes(method.parent) ? calls : standard).serve(exchange, method),
    refuse: calls.refuse,
  };
}
