import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { adapterKinds } from "../../../src/adapters/index.ts";
import type { Script } from "../../../src/adapters/mock/script.ts";
import { createClient } from "../../../src/client/index.ts";
import type { Config } from "../../../src/config/config.ts";
import { ConfigError } from "../../../src/config/config-error.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { type RunningGateway, startGateway } from "../../../src/gateway.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { callAll, expectAlike } from "../../e2e/compare.ts";
import { openWires, type Wires } from "../../e2e/wires.ts";
import { createEmulator, type Emulator } from "../../emulators/emulator.ts";
import { parrotKind } from "./parrot/index.ts";
import { scriptedExchange } from "./script-answer.ts";

/*
 * What a new kind has to do to be served is a folder and a line in the registry. Here the line is in this file, so that the sources stay as they
 * are: the configuration, its variables, the router, every wire and Capabilities take the kind without knowing it.
 *
 * Mutants seen red: a registry that the configuration does not look at (`kinds` replaced by a list of its own); a gateway that picks its adapters by
 * name.
 */

const kinds = [...adapterKinds, parrotKind];

async function load(fileText: string, environment: Record<string, string> = {}): Promise<Config> {
  const { config } = await loadConfig({
    environment,
    cwd: import.meta.dirname,
    kinds,
    readFile: () => undefined,
    listFiles: () => [],
    fileMode: () => undefined,
    fileText,
  });
  return config;
}

const listeners =
  "grpc: { port: 0 }\nhttp: { port: 0 }\nadmin: { port: 0 }\nledger: { store: memory }\nlimits: { drain: 1s }\nlog_level: silent\n";
const request = {
  messages: [{ role: "MESSAGE_ROLE_USER", parts: [{ text: { text: "Say hello." } }] }],
  sampling: { temperature: 1, maxOutputTokens: 5 },
};

describe("a gateway with a kind of provider that the sources do not have", () => {
  let emulator: Emulator;
  let gateway: RunningGateway;
  let wires: Wires;

  beforeAll(async () => {
    emulator = await createEmulator();
    const config = await load(
      `${listeners}providers:\n  polly: { kind: parrot, base_url: "${emulator.baseUrl}/v1", api_key: { env: CRACKER }, default_model: polly, retries: 0, breaker: { failures: 0 } }\n` +
        "personas:\n  default: { candidates: [{ provider: polly }] }\n",
      { CRACKER: "cracker" },
    );
    gateway = await startGateway({ config, kinds, log: createLog("silent"), platformVersion: "0.0.0" });
    wires = openWires(gateway);
  });

  afterAll(async () => {
    wires.close();
    await gateway.stop();
    await emulator.close();
  });

  const play = async (script: Script) => {
    emulator.route({ path: "/v1/talk" }, () => scriptedExchange(script, { kind: "event-per-write" }));
    const outcomes = await callAll(wires, { name: "a parrot", request, key: null });
    expectAlike(outcomes, { name: "a parrot", request });
    return outcomes[0];
  };

  test("serves it the same on every wire", async () => {
    const outcome = await play([{ text: ["Hel", "lo"] }, { usage: { input_total: 3, output_total: 2, final: true } }]);
    expect(outcome?.normal.failure).toBeNull();
    expect(outcome?.normal.events).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ warning: expect.objectContaining({ field: "sampling.temperature" }) }),
        expect.objectContaining({ textDelta: expect.objectContaining({ text: "Hel" }) }),
        expect.objectContaining({ finished: expect.objectContaining({ providerReason: "done" }) }),
      ]),
    );
    expect(emulator.requests.length).toBe(wires.all.length);
    for (const { path, headers, json } of emulator.requests) {
      expect({ path, key: headers.authorization, json }).toEqual({
        path: "/v1/talk",
        key: "Bearer cracker",
        json: { parrot: "polly", talk: [{ who: "guest", say: "Say hello." }], longest: 5 },
      });
    }
  });

  test("gives its failures the same on every wire", async () => {
    const refused = await play([{ error: { reason: "PROVIDER_RATE_LIMITED", retry_after_ms: 2000 } }]);
    expect(refused?.normal.failure?.details[0]).toMatchObject({ reason: "PROVIDER_RATE_LIMITED" });
    const cut = await play([{ text: ["Hel"] }, { truncate: true }]);
    expect(cut?.normal.failure?.details[0]).toMatchObject({ reason: "UPSTREAM_TRUNCATED" });
  });

  test("names it and what it can among its capabilities", async () => {
    const client = createClient({ baseUrl: gateway.grpcUrl });
    const { providers } = await client.capabilities();
    client.close();
    const [polly] = providers;
    expect(providers).toHaveLength(1);
    expect(polly).toMatchObject({ provider: "polly", kind: "parrot", spends: true });
    expect(polly?.models.map(({ model }) => model)).toEqual(["polly"]);
    expect(polly?.models[0]).toMatchObject({ contextWindow: 4096, source: "test/adapters/example" });
  });

  test.each(["polly", "macaw"])("refuses what %s cannot do before anything is sent", async (model) => {
    const before = emulator.requests.length;
    const tools = [{ name: "look", parametersJson: "{}" }];
    const outcomes = await callAll(wires, { name: "tools", request: { ...request, model, tools }, key: null });
    expectAlike(outcomes, { name: "tools", request });
    expect(outcomes[0]?.normal.failure?.details[0]).toMatchObject({ reason: "CAPABILITY_MISSING" });
    expect(emulator.requests.length).toBe(before);
  });
});

describe("the configuration of a kind that the sources do not have", () => {
  test("comes from variables of its own name", async () => {
    const config = await load("", { EP_PARROT_API_KEY: "cracker", EP_PARROT_BASE_URL: "http://127.0.0.1:1/v1" });
    expect(config.providers.parrot).toMatchObject({ kind: "parrot", baseUrl: "http://127.0.0.1:1/v1" });
    expect(config.personas.default?.candidates).toEqual([{ provider: "parrot" }]);
  });

  test("is checked by the kind, with the line of what is wrong", async () => {
    const file = "providers:\n  polly:\n    kind: parrot\n    transport: sdk\n    quirks: { talks: true }\n";
    const error = await load(file).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof ConfigError)) throw error;
    expect(error.problems.map(({ where, path }) => `${where} ${path}`)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/:3:\d+ providers\.polly\.base_url$/),
        expect.stringMatching(/:4:\d+ providers\.polly\.transport$/),
        expect.stringMatching(/:5:\d+ providers\.polly\.quirks\.talks$/),
      ]),
    );
  });
});
