import { expect, test } from "@jest/globals";
import { createClient, Role, text } from "../../../src/client/index.ts";
import { Secret } from "../../../src/secret.ts";
import { createEmulator } from "../../emulators/emulator.ts";
import { startTestGateway, testProvider } from "../../support/gateway.ts";
import { FAULT_WIRES } from "./wires.ts";

/** The header that carries a key, on each wire. */
const keyOf = (headers: Readonly<Record<string, string | readonly string[] | undefined>>): string =>
  String(headers.authorization ?? headers["x-api-key"] ?? headers["x-goog-api-key"]).replace("Bearer ", "");

// Mutant seen red: a retry with another key that counts as one of the retries, or for the breaker.
test.each(FAULT_WIRES)(
  "on the wire $kind a key that is refused is followed by the next, in an attempt of its own",
  async (wire) => {
    const reasons = { first: "PROVIDER_AUTH", second: "PROVIDER_QUOTA", third: "PROVIDER_RATE_LIMITED" } as const;
    const emulator = await createEmulator({
      answer: ({ headers }) => {
        const key = keyOf(headers);
        const reason = key in reasons ? reasons[key as keyof typeof reasons] : undefined;
        return wire.play(reason === undefined ? [{ text: [key] }] : [{ error: { reason } }]);
      },
    });
    const [apiKey, ...moreApiKeys] = ["first", "second", "third", "fourth"].map((key) => new Secret(key));
    const gateway = await startTestGateway({
      providers: [
        testProvider({
          name: "near",
          kind: wire.kind,
          baseUrl: `${emulator.baseUrl}${wire.path}`,
          defaultModel: "m",
          ...(apiKey !== undefined && { apiKey }),
          moreApiKeys,
          retries: 0,
          breaker: { failures: 1, cooldownMs: 60_000 },
        }),
      ],
    });
    const client = createClient({ baseUrl: gateway.grpcUrl });
    try {
      const ask = () => client.chat({ messages: [{ role: Role.USER, parts: [text("Hi")] }] }).collect();
      expect((await ask()).text).toBe("fourth");
      expect((await ask()).text).toBe("fourth");
      expect(emulator.requests.map(({ headers }) => keyOf(headers))).toEqual([
        "first",
        "second",
        "third",
        "fourth",
        "fourth",
      ]);
    } finally {
      client.close();
      await gateway.stop();
      await emulator.close();
    }
  },
);
