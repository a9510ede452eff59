import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ProviderSettings, Transport } from "../../../src/adapters/adapter.ts";
import { anthropicKind } from "../../../src/adapters/anthropic/index.ts";
import { adapterKinds } from "../../../src/adapters/index.ts";
import { ToolSchema } from "../../../src/gen/execution/v1/tools_pb.js";
import { Secret } from "../../../src/secret.ts";
import { createEmulator, type Emulator } from "../../emulators/emulator.ts";
import type { Exchange } from "../../emulators/exchange.ts";
import { loadFixtureOf, toExchange } from "../../support/recordings.ts";
import { type Observation, observe } from "../shared/observe.ts";
import { anthropicSettings, createAnthropic, userRequest } from "./rig.ts";

let emulator: Emulator;
beforeEach(async () => {
  emulator = await createEmulator();
});
afterEach(async () => {
  await emulator.close();
});

const answer = (): Exchange => toExchange(loadFixtureOf("anthropic-messages", "thinking-and-tools"), { kind: "whole" });

/** One chat with an instance of its own. */
async function chat(changes: Partial<ProviderSettings>, request = userRequest("Hi")): Promise<Observation> {
  const adapter = createAnthropic(anthropicSettings(emulator.baseUrl, changes));
  try {
    return await observe(adapter, request, { model: "small" });
  } finally {
    await adapter.close();
  }
}

/** Runs with variables of the environment that Anthropic's SDK would read. */
async function inEnvironment(variables: Readonly<Record<string, string>>, run: () => Promise<void>): Promise<void> {
  Object.assign(process.env, variables);
  try {
    await run();
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name];
  }
}

test("the registry lists the kind", () => {
  expect(adapterKinds).toContain(anthropicKind);
});

test.each<[string, Partial<ProviderSettings>, string]>([
  ["Anthropic", { baseUrl: "https://api.anthropic.com" }, "anthropic"],
  ["Anthropic behind a gateway of one's own", { quirks: { vendor: "anthropic" } }, "anthropic"],
  ["a host of somebody else", {}, "compatible"],
  ["a host that looks like Anthropic's", { baseUrl: "https://api.anthropic.com.example" }, "compatible"],
  [
    "somebody else by a quirk",
    { baseUrl: "https://api.anthropic.com", quirks: { vendor: "compatible" } },
    "compatible",
  ],
])("an instance of %s has its seller's prices, and the same state (mutant: one seller)", async (_, changes, seller) => {
  const adapter = createAnthropic(anthropicSettings(emulator.baseUrl, changes));
  expect([adapter.owner, adapter.seller]).toEqual(["anthropic", seller]);
  await adapter.close();
});

test("a vendor that is none is refused, and one of a model", () => {
  const settings = anthropicSettings(emulator.baseUrl, { quirks: { vendor: "acme" } });
  expect(anthropicKind.check(settings)).toEqual([
    { path: ["quirks", "vendor"], message: "must be one of anthropic, compatible" },
  ]);
  const models = { small: { id: "small", capabilities: [], quirks: { vendor: "anthropic" } } };
  expect(anthropicKind.check(anthropicSettings(emulator.baseUrl, { models }))).toMatchObject([
    { path: ["models", "small", "quirks", "vendor"] },
  ]);
});

describe.each<Transport>(["native", "sdk"])("an instance over %s", (transport) => {
  test("sends its key, the version of the API, and its own headers (mutant: let the SDK say the version)", async () => {
    emulator.enqueue(answer());
    const headers = { "X-Team": new Secret("blue") };
    const { error } = await chat({ transport, apiKey: new Secret("key-1"), headers });
    expect(error).toBeUndefined();
    const [received] = emulator.requests;
    expect(received).toMatchObject({
      method: "POST",
      path: "/v1/messages",
      headers: {
        "x-api-key": "key-1",
        "anthropic-version": "2023-06-01",
        "x-team": "blue",
        "content-type": "application/json",
        accept: "text/event-stream",
      },
      json: { model: "small", messages: [{ role: "user", content: "Hi" }], stream: true },
    });
    expect(received?.headers).not.toHaveProperty("authorization");
    expect(received?.headers).not.toHaveProperty("anthropic-beta");
  });

  test("sends its key as a bearer token and asks for betas where it is told to", async () => {
    emulator.enqueue(answer());
    const quirks = { auth_header: "authorization", betas: ["one-2026-01-01", "two-2026-01-01"] };
    await chat({ transport, baseUrl: `${emulator.baseUrl}/anthropic/`, apiKey: new Secret("key-2"), quirks });
    const [received] = emulator.requests;
    expect(received?.path).toBe("/anthropic/v1/messages");
    expect(received?.headers).toMatchObject({
      authorization: "Bearer key-2",
      "anthropic-beta": "one-2026-01-01,two-2026-01-01",
    });
    expect(received?.headers).not.toHaveProperty("x-api-key");
  });

  test("sends no key where it has none, whatever the environment says (mutant: pass the SDK's headers on)", async () => {
    const variables = {
      ANTHROPIC_API_KEY: "environment-key",
      ANTHROPIC_AUTH_TOKEN: "environment-token",
      ANTHROPIC_BASE_URL: "http://environment.invalid",
      ANTHROPIC_CUSTOM_HEADERS: "x-from: environment\nx-api-key: environment-key",
    };
    await inEnvironment(variables, async () => {
      emulator.enqueue(answer());
      expect((await chat({ transport })).error).toBeUndefined();
    });
    expect(JSON.stringify(emulator.requests[0]?.rawHeaders)).not.toContain("environment");
    expect(emulator.requests[0]?.headers).not.toHaveProperty("x-api-key");
    expect(emulator.requests[0]?.headers).not.toHaveProperty("authorization");
  });

  test("asks once, whatever the answer (mutant: leave the SDK's retries on)", async () => {
    const overloaded = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };
    emulator.enqueue({
      status: 529,
      headers: { "content-type": "application/json", "retry-after": "0" },
      body: Buffer.from(JSON.stringify(overloaded)),
    });
    expect((await chat({ transport })).error).toMatchObject({
      reason: "PROVIDER_OVERLOADED",
      extras: { provider: "near", model: "small", providerMessage: "Overloaded", retryAfterMs: 0 },
    });
    expect(emulator.requests).toHaveLength(1);
  });

  test("reads a whole answer where the instance does not stream", async () => {
    emulator.enqueue(toExchange(loadFixtureOf("anthropic-messages", "whole-message"), { kind: "whole" }));
    const { error, reads } = await chat({ transport, quirks: { stream: false } });
    expect(error).toBeUndefined();
    expect(reads.flat().at(-1)?.event.case).toBe("finished");
    expect(emulator.requests[0]?.headers.accept).toBe("application/json");
    expect(emulator.requests[0]?.json).not.toHaveProperty("stream");
  });
});

describe("what the kind checks", () => {
  test("are quirks, key and headers", () => {
    const settings = anthropicSettings("http://127.0.0.1", {
      apiKey: new Secret("a\nb"),
      headers: { "bad name": new Secret("x") },
      quirks: { auth_header: "cookie" },
    });
    expect(anthropicKind.check(settings).map(({ path }) => path.join("."))).toEqual([
      "quirks.auth_header",
      "api_key",
      "headers.bad name",
    ]);
    expect(anthropicKind.check(anthropicSettings("http://127.0.0.1"))).toEqual([]);
  });

  test("a body is sent as it was built, digits and order included, over both (mutant: let the SDK parse it)", async () => {
    const bodies: string[] = [];
    const parametersJson = '{"type":"object", "maxProperties":12345678901234567890}';
    const request = userRequest("Hi");
    request.tools.push(create(ToolSchema, { name: "go", parametersJson }));
    for (const transport of ["native", "sdk"] as const) {
      emulator.enqueue(answer());
      await chat({ transport }, request);
      bodies.push(Buffer.from(emulator.requests.at(-1)?.rawBody ?? []).toString());
    }
    expect(bodies[0]).toContain(parametersJson);
    expect(bodies[1]).toBe(bodies[0]);
  });
});
