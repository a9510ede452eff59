import type { ProviderSettings } from "../../src/adapters/adapter.ts";
import { Role } from "../../src/gen/execution/v1/options_pb.js";
import { hashKey } from "../../src/server/auth.ts";
import { startTestGateway, testProvider } from "../support/gateway.ts";
import { testConfig } from "../support/routing.ts";
import { API_KEYS, MAX_CHAT_BYTES } from "./cases.ts";
import { openWires, type Wires } from "./wires.ts";

/** Every wire, open to one gateway. */
export interface OpenGateway extends Wires {
  /** Closes the wires, then the gateway. */
  stop(): Promise<void>;
}

/**
 * Starts the gateway the shared cases are written for, with `providers` (default: the mock) behind the persona `default`, and opens every wire to
 * it.
 */
export async function openGateway(providers: readonly ProviderSettings[] = [testProvider()]): Promise<OpenGateway> {
  const key = (name: "caller" | "viewer" | "narrow", roles: readonly Role[], personas?: readonly string[]) => ({
    name,
    sha256: hashKey(API_KEYS[name]),
    tenant: "t",
    roles,
    providerOptions: true,
    ...(personas === undefined ? {} : { personas }),
  });
  const candidates = providers.map(({ name }) => ({ provider: name }));
  const persona = (name: string) => ({ name, requires: [], candidates, maxToolTier: 3 as const });
  const gateway = await startTestGateway({
    providers,
    config: {
      keys: [
        key("caller", [Role.CALLER, Role.VIEWER]),
        key("viewer", [Role.VIEWER]),
        key("narrow", [Role.CALLER], ["default"]),
      ],
      personas: { default: persona("default"), reviewer: persona("reviewer") },
      limits: { ...testConfig().limits, maxChatBytes: MAX_CHAT_BYTES },
    },
  });
  const wires = openWires(gateway);
  return {
    ...wires,
    stop: async () => {
      wires.close();
      await gateway.stop();
    },
  };
}
