import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonValue } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { ChatError, createClient, Role as MessageRole, text } from "../../src/client/index.ts";
import type { Config } from "../../src/config/config.ts";
import type { RunningGateway } from "../../src/gateway.ts";
import { Role } from "../../src/gen/execution/v1/options_pb.js";
import type { Limit } from "../../src/limit.ts";
import { Secret } from "../../src/secret.ts";
import { hashKey } from "../../src/server/auth.ts";
import { createEmulator } from "../emulators/emulator.ts";
import { syntheticChat } from "../emulators/synthetic-chat.ts";
import { callAtOnce, countEnds, expectCrowdEnds, expectNoOvershoot, useUp } from "../support/budget-crowd.ts";
import { freePort } from "../support/free-port.ts";
import { startTestGateway, testProvider } from "../support/gateway.ts";
import { startHiddenThinker } from "../support/hidden-thinker.ts";
import { testConfig } from "../support/routing.ts";
import { seedsUpTo, tellOfSeed } from "../support/seeds.ts";
import { waitFor } from "../support/wait.ts";
import { createCounterWatch } from "../support/watched-counters.ts";
import { API_KEYS } from "./cases.ts";
import { normalise } from "./outcome.ts";
import { shortFormOf } from "./short-form.ts";
import { openWires } from "./wires.ts";

const key = {
  name: "k",
  sha256: hashKey("secret"),
  tenant: "t",
  roles: Object.values(Role).filter(isRole),
  providerOptions: true,
};

function isRole(value: unknown): value is Role {
  return typeof value === "number" && value !== Role.UNSPECIFIED;
}

/** A budget of the key `k`, in all. */
function budget(amount: bigint, overrides: Partial<Limit> = {}): Limit {
  return { scope: "key", value: "k", window: "total", unit: "usd", amount, mode: "hard", ...overrides };
}

async function withGateway(
  providers: NonNullable<Parameters<typeof startTestGateway>[0]>["providers"],
  config: Partial<Config>,
  use: (gateway: RunningGateway) => Promise<void>,
): Promise<void> {
  const gateway = await startTestGateway({
    ...(providers !== undefined && { providers }),
    config: { keys: [key], ...config },
  });
  try {
    await use(gateway);
  } finally {
    await gateway.stop();
  }
}

const thinker = (baseUrl: string) =>
  testProvider({
    name: "near",
    kind: "openai",
    baseUrl: `${baseUrl}/v1`,
    defaultModel: "o3",
    quirks: { vendor: "openai" },
  });

describe("a hard budget of $1.00", () => {
  // Mutants seen red: what is held not looked at, or not counted; what broke off settled with nothing; no maximum sent.
  test.each(seedsUpTo(3))("is overshot by nothing by 1,000 calls of $0.10 at once (seed %i)", async (seed) => {
    const thinks = await startHiddenThinker(seed);
    const limit = budget(1_000_000_000n);
    const watched = createCounterWatch();
    try {
      const gateway = await startTestGateway({
        providers: [thinker(thinks.emulator.baseUrl)],
        config: { keys: [key], budgets: [limit] },
        watchCounters: watched.watch,
      });
      const clients = [1, 2, 3, 4].map(() => createClient({ baseUrl: gateway.grpcUrl, apiKey: "secret" }));
      try {
        const crowd = await callAtOnce(clients, 1000, seed);
        const last: string[] = [];
        for (const client of clients) last.push(...(await useUp(client, seed)));
        await waitFor(() => watched.standing().reserved === 0n, { what: "all that is held to be given back" });
        tellOfSeed(seed, {
          ...{ steps: watched.steps(), highest: watched.highest(), billed: thinks.billedNanoUsd() },
          ...{ settled: watched.standing().settled, ...thinks.ends(), ...countEnds([...crowd, ...last]) },
        });
        expectCrowdEnds([...crowd, ...last], thinks);
        expect(watched.contradictions).toEqual([]);
        expect(watched.steps()).toBeGreaterThan(1000);
        expectNoOvershoot(thinks, limit.amount, { ...watched.standing(), highest: watched.highest() });
      } finally {
        for (const client of clients) client.close();
        await gateway.stop();
      }
    } finally {
      await thinks.emulator.close();
    }
  });
});

/** Tokens of gpt-4-turbo, in nano-USD (https://developers.openai.com/api/docs/pricing), and what the input of `hi` counts at most. */
const TURBO = { input: 10_000n, output: 30_000n, inputTokens: 66n };

// Mutants seen red: no lease taken while streaming; nothing taken where there is no room for all 512; no event, or no final usage, after a cut.
test("a stream over a tiny budget is cut within 512 tokens on every wire, with the budget, its usage and the typed error", async () => {
  const tokens = 2000;
  // Of two bytes each: a token at least and at most.
  const { body } = syntheticChat({ seed: 1, chunks: 4000, text: "a ".repeat(4000) });
  const near = await createEmulator({
    answer: () => ({ headers: { "content-type": "text/event-stream" }, body, delivery: { kind: "event-per-write" } }),
  });
  const { value: _, ...each } = budget(TURBO.inputTokens * TURBO.input + BigInt(tokens) * TURBO.output);
  const gateway = await startTestGateway({
    providers: [
      testProvider({
        ...{ name: "near", kind: "openai", baseUrl: `${near.baseUrl}/v1` },
        ...{ defaultModel: "gpt-4-turbo", quirks: { vendor: "openai" } },
      }),
    ],
    config: { keys: [{ ...key, sha256: hashKey(API_KEYS.caller) }], budgets: [{ ...each, scope: "end_user" }] },
  });
  const wires = openWires(gateway);
  try {
    for (const [index, wire] of wires.all.entries()) {
      const endUserId = `user-${index}`;
      const request = { messages: [{ role: "MESSAGE_ROLE_USER", parts: [{ text: { text: "hi" } }] }], endUserId };
      const { events, failure } = normalise(await wire.call({ name: "cut", request }));
      const shown = wire.kind === "short" ? events : shortFormOf(events);
      const told = shown as readonly { readonly event: string; readonly data: Readonly<Record<string, JsonValue>> }[];
      const said = told
        .filter(({ event }) => event === "token")
        .reduce((sum, { data }) => sum + String(data.text).length / 2, 0);
      expect([wire.name, said > tokens - 512, said <= tokens + 512]).toEqual([wire.name, true, true]);
      const scope = `end_user:${endUserId}/total`;
      expect(told.slice(-2)).toMatchObject([
        { event: "budget", data: { scope, cut: true } },
        { event: "usage", data: { output_tokens: Math.ceil(said / 2) } },
      ]);
      expect(failure).toMatchObject({
        code: "RESOURCE_EXHAUSTED",
        details: [
          { reason: "BUDGET_EXCEEDED", metadata: { partial: "true", retryable: "false" } },
          { violations: [{ subject: scope }] },
          { usage: { outputTotal: Math.ceil(said / 2) } },
        ],
      });
    }
  } finally {
    wires.close();
    await gateway.stop();
    await near.close();
  }
});

// Mutants seen red: scopeText gives the label; whoever's id ends with a slash is nobody.
test("a call that names no end user is told in words whose limit it has met", async () => {
  const { value: _, ...each } = budget(0n, { scope: "end_user", window: "hour", unit: "requests" });
  await withGateway(undefined, { budgets: [each] }, async (gateway) => {
    const client = createClient({ baseUrl: gateway.grpcUrl, apiKey: "secret" });
    const messages = [{ role: MessageRole.USER, parts: [text("hi")] }];
    const refusal = async (endUserId: string): Promise<ChatError> =>
      client
        .chat({ messages, endUserId })
        .collect()
        .then(
          () => Promise.reject(new Error("the call was not refused")),
          (thrown: unknown) => thrown as ChatError,
        );
    const { message, details } = await refusal("");
    expect(message).toMatch(/^end_user:\/hour \(calls that name no end user\): the requests of this hour /);
    expect(details.quota?.violations[0]?.subject).toBe("end_user:/hour");
    expect((await refusal("a/")).message).toMatch(/^end_user:a\/\/hour: the requests/);
    client.close();
  });
});

// Mutants seen red: a budget that is put back counted twice; begun at nothing.
test("a budget that a reload takes away and the next one puts back has what was used meanwhile, once", async () => {
  const budgets = [budget(10n, { unit: "requests" })];
  await withGateway(undefined, { budgets }, async (gateway) => {
    const client = createClient({ baseUrl: gateway.grpcUrl, apiKey: "secret" });
    const ask = () => client.chat({ messages: [{ role: MessageRole.USER, parts: [text("hi")] }] }).collect();
    for (let call = 0; call < 4; call += 1) await ask();
    const { config } = gateway.state();
    gateway.reload({ ...config, budgets: [] });
    for (let call = 0; call < 3; call += 1) await ask();
    gateway.reload({ ...config, budgets });
    for (let call = 0; call < 3; call += 1) await ask();
    await expect(ask()).rejects.toMatchObject({ reason: "BUDGET_EXCEEDED" });
    client.close();
  });
});

test("budgets follow a configuration that is loaded anew, and what was used stays used", async () => {
  await withGateway(undefined, { budgets: [budget(1n, { unit: "requests" })] }, async (gateway) => {
    const client = createClient({ baseUrl: gateway.grpcUrl, apiKey: "secret" });
    const ask = () =>
      client
        .chat({ messages: [{ role: MessageRole.USER, parts: [text("hi")] }] })
        .collect()
        .then(
          () => "answered",
          (thrown: unknown) => (thrown instanceof ChatError ? thrown.reason : String(thrown)),
        );
    expect([await ask(), await ask()]).toEqual(["answered", "BUDGET_EXCEEDED"]);
    const { config } = gateway.state();
    gateway.reload({ ...config, budgets: [budget(2n, { unit: "requests" })] });
    expect([await ask(), await ask()]).toEqual(["answered", "BUDGET_EXCEEDED"]);
    gateway.reload({ ...config, budgets: [] });
    expect(await ask()).toBe("answered");
    client.close();
  });
});

// Mutant seen red: a start that waits for the ledger to say what was used.
test("a gateway whose database is away starts: what hard budgets count is refused, and everything else goes on", async () => {
  const directory = await mkdtemp(join(tmpdir(), "ep-budgets-"));
  const address = { host: "127.0.0.1", port: await freePort(), user: "u", password: new Secret("p"), database: "d" };
  const ledger = { ...testConfig().ledger, store: "postgres", directory } as const;
  const keys = [key, { ...key, name: "other", sha256: hashKey("other") }];
  const budgets = [budget(10n, { unit: "requests" })];
  const config = { budgets, keys, ledger: { ...ledger, database: { ...address, tls: "off" as const } } };
  await withGateway(undefined, config, async ({ grpcUrl }) => {
    const ask = async (apiKey: string): Promise<string> => {
      const client = createClient({ baseUrl: grpcUrl, apiKey });
      const answer = client.chat({ messages: [{ role: MessageRole.USER, parts: [text("hi")] }] }).collect();
      const outcome = await answer.then(
        () => "answered",
        (thrown: unknown) => (thrown as ChatError).reason,
      );
      client.close();
      return outcome;
    };
    expect([await ask("secret"), await ask("other")]).toEqual(["LEDGER_UNAVAILABLE", "answered"]);
  });
  await rm(directory, { recursive: true });
}, 60_000);

// Mutant seen red: counters that begin at nothing.
test("a budget is not opened anew by a restart, and what was used without a ledger is forgotten with it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "ep-budgets-"));
  const day = budget(1n, { unit: "requests", window: "day" });
  const outcomes: string[] = [];
  for (const store of ["sqlite", "sqlite", "memory"] as const) {
    await withGateway(
      undefined,
      { budgets: [day], ledger: { ...testConfig().ledger, store, directory } },
      async (gateway) => {
        const client = createClient({ baseUrl: gateway.grpcUrl, apiKey: "secret" });
        const answer = client.chat({ messages: [{ role: MessageRole.USER, parts: [text("hi")] }] }).collect();
        outcomes.push(
          await answer.then(
            () => "answered",
            (thrown: unknown) => (thrown as ChatError).reason,
          ),
        );
        client.close();
      },
    );
  }
  await rm(directory, { recursive: true });
  expect(outcomes).toEqual(["answered", "BUDGET_EXCEEDED", "answered"]);
});
