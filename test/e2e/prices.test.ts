import { afterEach, describe, expect, test } from "@jest/globals";
import type { AdapterKind, ProviderSettings } from "../../src/adapters/adapter.ts";
import { type ChatResponse, createClient, Role, text } from "../../src/client/index.ts";
import type { Config, OwnPriceSettings } from "../../src/config/config.ts";
import { textDelta, usageEvent } from "../../src/contract/events.ts";
import { unknownUsage } from "../../src/contract/usage.ts";
import { Secret } from "../../src/secret.ts";
import { createEmulator, type Emulator } from "../emulators/emulator.ts";
import type { JsonValue } from "../emulators/exchange.ts";
import { startTestGateway, testProvider } from "../support/gateway.ts";
import { createScriptedAdapter, finishedEvent, type Play } from "../support/scripted-adapter.ts";

/*
 * The conditions of prices, from the provider's answer to the cost: each of them must come through the adapter. Mutants seen red: an instance's
 * region, its name, or the tier that was served not asked for; the version of the prices in force told for an attempt that began before.
 */

const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(instance: (emulator: Emulator) => Partial<ProviderSettings>, config: Partial<Config> = {}) {
  const emulator = await createEmulator();
  const settings = testProvider({ name: "near", apiKey: new Secret("key"), ...instance(emulator) });
  const gateway = await startTestGateway({
    providers: [settings],
    config: {
      providers: { near: settings },
      personas: { default: { name: "default", candidates: [{ provider: "near" }] } },
      ...config,
    },
  });
  const client = createClient({ baseUrl: gateway.grpcUrl });
  cleanUps.push(
    () => emulator.close(),
    () => gateway.stop(),
    () => client.close(),
  );
  const answers = (body: JsonValue): void => {
    emulator.enqueue({ headers: { "content-type": "application/json" }, body: Buffer.from(JSON.stringify(body)) });
  };
  const ask = async (model: string, serviceTier = "") => {
    const messages = [{ role: Role.USER, parts: [text("Hi")] }];
    return client.chat({ model, messages, serviceTier }).collect();
  };
  return { answers, ask };
}

const openai =
  (changes: Partial<ProviderSettings> = {}) =>
  (emulator: Emulator): Partial<ProviderSettings> => ({
    kind: "openai",
    baseUrl: `${emulator.baseUrl}/v1`,
    quirks: { vendor: "openai", stream: false },
    ...changes,
  });

const completion = (tier: string, promptTokens: number): JsonValue => ({
  object: "chat.completion",
  choices: [{ index: 0, message: { role: "assistant", content: "Hello." }, finish_reason: "stop" }],
  service_tier: tier,
  usage: { prompt_tokens: promptTokens, completion_tokens: 0 },
});

const own = (prices: Partial<OwnPriceSettings>): Partial<Config> => ({
  prices: { vendors: {}, instances: {}, ...prices },
});
const rule = (models: readonly string[], input: string) => ({ models, region: "*", rates: { input, output: "0" } });

describe("a call is priced by", () => {
  test("the service tier that was served, whatever was asked for", async () => {
    const { answers, ask } = await start(openai());
    const costs: (bigint | undefined)[] = [];
    for (const [asked, served] of [
      ["", "default"],
      ["flex", "flex"],
      ["flex", "default"],
      ["auto", "priority"],
    ] as const) {
      answers(completion(served, 1_000_000));
      costs.push((await ask("gpt-5-mini", asked)).costNanoUsd);
    }
    expect(costs).toEqual([250_000_000n, 125_000_000n, 250_000_000n, 450_000_000n]);
  });

  test("the length of the input", async () => {
    const { answers, ask } = await start(openai());
    answers(completion("default", 272_000));
    answers(completion("default", 272_001));
    expect((await ask("gpt-6-sol")).costNanoUsd).toBe(272_000n * 2_000n);
    expect((await ask("gpt-6-sol")).costNanoUsd).toBe(272_001n * 4_000n);
  });

  test("how long a cache was written for", async () => {
    const { answers, ask } = await start((emulator) => ({
      kind: "anthropic",
      baseUrl: emulator.baseUrl,
      quirks: { vendor: "anthropic" },
    }));
    answers({
      type: "message",
      id: "m",
      role: "assistant",
      model: "claude-opus-4-6",
      content: [{ type: "text", text: "Hello." }],
      stop_reason: "end_turn",
      usage: {
        input_tokens: 0,
        output_tokens: 0,
        cache_creation_input_tokens: 3_000,
        cache_creation: { ephemeral_5m_input_tokens: 1_000, ephemeral_1h_input_tokens: 2_000 },
      },
    });
    expect((await ask("claude-opus-4-6")).costNanoUsd).toBe(1_000n * 6_250n + 2_000n * 10_000n);
  });

  test.each([
    ["global", 1_500_000n],
    ["europe-west4", undefined],
  ] as const)("the region %s of its instance", async (region, expected) => {
    const { answers, ask } = await start((emulator) => ({
      kind: "gemini",
      baseUrl: `${emulator.baseUrl}/v1`,
      region,
      quirks: { surface: "vertex" },
    }));
    answers({
      candidates: [{ content: { role: "model", parts: [{ text: "Hello." }] }, finishReason: "STOP" }],
      usageMetadata: { promptTokenCount: 1_000, totalTokenCount: 1_000, trafficType: "ON_DEMAND" },
    });
    // A model whose price is not announced to change: the gateway goes by the clock.
    expect((await ask("gemini-3.5-flash")).costNanoUsd).toBe(expected);
  });

  test("prices of one's own: of the instance, else of a vendor that has no table", async () => {
    const { answers, ask } = await start(
      openai({ quirks: { vendor: "azure", stream: false } }),
      own({ vendors: { azure: [rule(["deployed", "other"], "2")] }, instances: { near: [rule(["deployed"], "3")] } }),
    );
    answers(completion("default", 1_000));
    answers(completion("default", 1_000));
    expect((await ask("deployed")).costNanoUsd).toBe(3_000_000n);
    expect((await ask("other")).costNanoUsd).toBe(2_000_000n);
  });
});

/** A kind whose every call says a word, and goes on once it is let. */
function heldKind() {
  const gate = Promise.withResolvers<void>();
  const kind: AdapterKind = {
    kind: "held",
    needsKey: false,
    check: () => [],
    create: (settings) => {
      const play: Play = async function* ({ step, attempt }) {
        yield [textDelta({ step, part: 0 }, "Hello.")];
        await gate.promise;
        yield [
          usageEvent(step, attempt, { ...unknownUsage(), inputTotal: 1_000, outputTotal: 0 }, true),
          finishedEvent(),
        ];
      };
      return { ...createScriptedAdapter({ name: settings.name, play, spends: true, seller: "acme" }), settings };
    },
  };
  return { kind, letGo: gate.resolve };
}

test("an attempt that runs keeps its prices and their version when others come into force, and the next has those", async () => {
  const { kind, letGo } = heldKind();
  const settings = testProvider({ name: "near", kind: "held" });
  const pricesOf = (input: string): OwnPriceSettings => ({
    vendors: { acme: [rule(["model-1"], input)] },
    instances: {},
  });
  const gateway = await startTestGateway({ kinds: [kind], providers: [settings], config: { prices: pricesOf("2") } });
  const client = createClient({ baseUrl: gateway.grpcUrl });
  cleanUps.push(
    () => gateway.stop(),
    () => client.close(),
  );
  const question = { messages: [{ role: Role.USER, parts: [text("Hi")] }] };
  const endOf = async (events: AsyncIterator<ChatResponse>): Promise<readonly [bigint | undefined, string]> => {
    for (let next = await events.next(); next.done !== true; next = await events.next()) {
      const { event } = next.value;
      if (event.case === "finished") return [event.value.costNanoUsd, event.value.priceVersion];
    }
    throw new Error("the call did not finish");
  };
  const planned = async (): Promise<string> => (await client.plan({ request: question })).priceVersion;

  const running = client.chat(question)[Symbol.asyncIterator]();
  for (let seen = ""; seen !== "textDelta"; ) seen = (await running.next()).value?.event.case ?? "";
  const before = await planned();
  gateway.reload({ ...gateway.state().config, prices: pricesOf("5") });
  const after = await planned();
  letGo();
  expect(await endOf(running)).toEqual([2_000_000n, before]);
  expect(await endOf(client.chat(question)[Symbol.asyncIterator]())).toEqual([5_000_000n, after]);
  expect(before).not.toBe(after);
});
