import { afterEach, describe, expect, test } from "@jest/globals";
import type { Adapter, AdapterKind, ProviderSettings } from "../../src/adapters/adapter.ts";
import { type Client, createClient, Role, text } from "../../src/client/index.ts";
import type { Config } from "../../src/config/config.ts";
import { textDelta } from "../../src/contract/events.ts";
import type { RunningGateway } from "../../src/gateway.ts";
import { Role as CallerRole } from "../../src/gen/execution/v1/options_pb.js";
import { Secret } from "../../src/secret.ts";
import { hashKey } from "../../src/server/auth.ts";
import { createEmulator } from "../emulators/emulator.ts";
import { syntheticChat } from "../emulators/synthetic-chat.ts";
import { createCertificate } from "../support/certificate.ts";
import { startTestGateway, testProvider } from "../support/gateway.ts";
import { createScriptedAdapter, finishedEvent } from "../support/scripted-adapter.ts";
import { waitFor } from "../support/wait.ts";

const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** What the instances of the kind `held` did: each says its first word, and goes on once it is let. */
function heldKind() {
  const closed: string[] = [];
  const created: string[] = [];
  let letGo: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const kind: AdapterKind = {
    kind: "held",
    needsKey: false,
    check: () => [],
    create: (settings): Adapter => {
      if (settings.defaultModel === "broken") throw new Error("planted: it cannot be created");
      const label = `${settings.name} ${settings.defaultModel}`;
      created.push(label);
      const scripted = createScriptedAdapter({
        name: settings.name,
        play: async function* ({ step }) {
          yield [textDelta({ step, part: 0 }, label)];
          await gate;
          yield [textDelta({ step, part: 0 }, closed.includes(label) ? ", closed" : ", open"), finishedEvent()];
        },
      });
      const close = async (): Promise<void> => {
        closed.push(label);
      };
      return { ...scripted, settings, close };
    },
  };
  return { kind, created, closed, letGo: () => letGo() };
}

const held = (name: string, defaultModel: string): ProviderSettings =>
  testProvider({ name, kind: "held", defaultModel });

async function start(options: Parameters<typeof startTestGateway>[0]): Promise<{
  readonly gateway: RunningGateway;
  readonly client: Client;
}> {
  const gateway = await startTestGateway(options);
  cleanUps.push(() => gateway.stop());
  const client = createClient({ baseUrl: gateway.grpcUrl });
  cleanUps.push(() => client.close());
  return { gateway, client };
}

/** The configuration in force with other provider instances, by which the persona `default` is served in order. */
function withProviders(gateway: RunningGateway, ...providers: readonly ProviderSettings[]): Config {
  return {
    ...gateway.state().config,
    providers: Object.fromEntries(providers.map((settings) => [settings.name, settings])),
    personas: { default: { name: "default", candidates: providers.map(({ name }) => ({ provider: name })) } },
  };
}

const question = { messages: [{ role: Role.USER, parts: [text("Hi")] }] };

describe("a reload", () => {
  // Mutants seen red: retired adapters closed at once; never closed; every adapter made anew.
  test("lets running calls end as they began, uses on what has not changed, and closes the rest after them", async () => {
    const { kind, created, closed, letGo } = heldKind();
    const { gateway, client } = await start({ kinds: [kind], providers: [held("a", "1"), held("b", "1")] });
    const running = client.chat(question)[Symbol.asyncIterator]();
    for (let seen = ""; seen !== "textDelta"; ) seen = (await running.next()).value?.event.case ?? "";

    gateway.reload(withProviders(gateway, held("a", "2"), held("b", "1")));
    expect(created).toEqual(["a 1", "b 1", "a 2"]);
    expect(closed).toEqual([]);
    const later = client.chat(question).collect();
    await waitFor(() => gateway.dispatcher.running === 2, { what: "the later call" });

    letGo();
    const rest: string[] = [];
    for (let next = await running.next(); next.done !== true; next = await running.next()) {
      if (next.value.event.case === "textDelta") rest.push(next.value.event.value.text);
    }
    expect(rest).toEqual([", open"]);
    expect((await later).text).toBe("a 2, open");
    await waitFor(() => closed.length > 0, { what: "the end of the old adapter" });
    expect(closed).toEqual(["a 1"]);
    await gateway.stop();
    expect(closed.toSorted()).toEqual(["a 1", "a 2", "b 1"]);
  });

  test("closes the adapter of an instance that is gone, and serves the one that is new", async () => {
    const { kind, closed, letGo } = heldKind();
    letGo();
    const { gateway, client } = await start({ kinds: [kind], providers: [held("a", "1")] });
    gateway.reload(withProviders(gateway, held("c", "1")));
    expect((await client.chat(question).collect()).text).toBe("c 1, open");
    await waitFor(() => closed.includes("a 1"), { what: "the end of the old adapter" });
  });

  // Mutant seen red: what was made before the failure left open.
  test("that fails changes nothing, and leaves nothing of what it had made", async () => {
    const { kind, created, closed, letGo } = heldKind();
    letGo();
    const { gateway, client } = await start({ kinds: [kind], providers: [held("a", "1")] });
    const before = gateway.state();
    expect(() => gateway.reload(withProviders(gateway, held("a", "2"), held("b", "broken")))).toThrow("planted");
    expect(gateway.state()).toBe(before);
    expect(created).toEqual(["a 1", "a 2"]);
    expect(closed).toEqual(["a 2"]);
    expect((await client.chat(question).collect()).text).toBe("a 1, open");
  });

  // Mutant seen red: secrets compared by how they print, which makes every key the same.
  test("keeps connections to providers that have not changed; another key is a change", async () => {
    const { body } = syntheticChat({ seed: 1, chunks: 2 });
    const headers = { "content-type": "text/event-stream" };
    const emulator = await createEmulator({ answer: () => ({ headers, body }) });
    cleanUps.push(() => emulator.close());
    const near = (key: string): ProviderSettings =>
      testProvider({
        name: "near",
        kind: "openai",
        baseUrl: emulator.baseUrl,
        apiKey: new Secret(key),
        defaultModel: "m",
      });
    const { gateway, client } = await start({ providers: [near("first")] });
    await client.chat(question).collect();
    gateway.reload(withProviders(gateway, near("first"), testProvider()));
    await client.chat(question).collect();
    gateway.reload(withProviders(gateway, near("second")));
    await client.chat(question).collect();
    expect(emulator.requests.map(({ connection }) => connection)).toEqual([0, 0, 1]);
    expect(emulator.requests.map((request) => request.headers.authorization)).toEqual([
      "Bearer first",
      "Bearer first",
      "Bearer second",
    ]);
  });

  test("puts keys, tenants, hosts, origins and limits in force for new calls", async () => {
    const { gateway, client } = await start({});
    const before = gateway.state().config;
    const reload = (changes: Partial<Config>) => gateway.reload({ ...gateway.state().config, ...changes });
    const ask = (headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
      fetch(`${gateway.httpUrl}/v1/chat`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify({ messages: [{ role: "user", content: "Hi" }] }),
      });
    const statusOf = async (response: Promise<Response>): Promise<number> => {
      const { status, body } = await response;
      await body?.cancel();
      return status;
    };
    const key = {
      sha256: hashKey("k"),
      name: "ci",
      tenant: "acme",
      roles: [CallerRole.CALLER],
      providerOptions: false,
    };
    reload({ keys: [key], tenants: { acme: { name: "acme", personas: [] } } });
    await expect(client.chat(question).collect()).rejects.toMatchObject({ reason: "AUTH_INVALID" });
    expect(await statusOf(ask({ authorization: "Bearer k" }))).toBe(404);
    reload({ tenants: {} });
    expect(await statusOf(ask({ authorization: "Bearer k" }))).toBe(200);
    const fromPage = () => statusOf(ask({ origin: "https://app.example", authorization: "Bearer k" }));
    reload({ allowedOrigins: ["https://app.example"] });
    expect(await fromPage()).toBe(200);
    reload({ allowedOrigins: [] });
    expect(await fromPage()).toBe(403);
    reload({ limits: { ...before.limits, maxDeadlineMs: 50, defaultDeadlineMs: 50 } });
    reload({ keys: [{ ...key, providerOptions: true }] });
    const keyed = createClient({ baseUrl: gateway.grpcUrl, apiKey: "k" });
    cleanUps.push(() => keyed.close());
    const stalled = { ...question, providerOptionsJson: { mock: '{"script":[{"stall":true}]}' } };
    await expect(keyed.chat(stalled).collect()).rejects.toMatchObject({ reason: "DEADLINE" });
    reload({ limits: before.limits });
    expect(await (await fetch(`${gateway.httpUrl}/health`)).json()).toEqual({ status: "serving" });
    expect(await statusOf(ask({ authorization: "Bearer k" }))).toBe(200);
  });

  test("names what needs a restart and leaves it as it is", async () => {
    const { gateway, client } = await start({});
    const { config } = gateway.state();
    const { certificate, key } = createCertificate();
    const limits = { ...config.limits, maxChatBytes: 5000, maxStreamsPerConnection: 5, drainMs: 1234 };
    const { needsRestart } = gateway.reload({
      ...config,
      grpc: { ...config.grpc, port: 6000 },
      http: { host: "localhost", port: 0, tls: { certificate, key: new Secret(key) } },
      limits,
    });
    expect(needsRestart).toEqual([
      "grpc.port",
      "http.host",
      "http.tls",
      "limits.max_chat_size",
      "limits.max_streams_per_connection",
    ]);
    expect(gateway.state().config).toEqual({ ...config, limits: { ...config.limits, drainMs: 1234 } });
    expect((await client.chat(question).collect()).finishReason).toBeDefined();
  });

  // Mutant seen red: the new configuration checked without what stays.
  test("is refused where it is safe only with what needs a restart", async () => {
    const { gateway } = await start({});
    const before = gateway.state();
    const { limits } = before.config;
    const smaller = { ...limits, maxChatBytes: 2048, maxMessageBytes: 2048, maxBytesInFlight: 4096 };
    expect(() => gateway.reload({ ...before.config, limits: smaller })).toThrow(
      /\(limits\.max_chat_size.*limits\.max_in_flight_size: is smaller than limits\.max_chat_size/,
    );
    expect(gateway.state()).toBe(before);
  });

  // Mutant seen red: no look at the keys that were in force.
  test("is refused where it would take away every key, since everybody could call then", async () => {
    const key = { sha256: hashKey("k"), name: "ci", tenant: "t", roles: [CallerRole.CALLER], providerOptions: false };
    const { gateway, client } = await start({ config: { keys: [key] } });
    const before = gateway.state();
    expect(() => gateway.reload({ ...before.config, keys: [] })).toThrow(/without a key.*needs a restart/);
    expect(gateway.state()).toBe(before);
    await expect(client.chat(question).collect()).rejects.toMatchObject({ reason: "AUTH_INVALID" });
    gateway.reload({ ...before.config, keys: [{ ...key, name: "other" }] });
    expect(gateway.state().config.keys.map(({ name }) => name)).toEqual(["other"]);
  });
});
