import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { ExecutionError } from "../../src/errors.ts";
import { Capability, Support } from "../../src/gen/execution/v1/capabilities_pb.js";
import {
  type ChatRequest,
  ChatRequestSchema,
  ReasoningEffort,
  SamplingSchema,
} from "../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../src/gen/execution/v1/content_pb.js";
import type { Principal } from "../../src/router/call.ts";
import type { RoutingState } from "../../src/router/resolve.ts";
import { anyone, testResolve as resolve, testPersona, testState } from "../support/routing.ts";
import { createScriptedAdapter } from "../support/scripted-adapter.ts";

const near = createScriptedAdapter({
  name: "near",
  support: new Map([
    [Capability.TOOLS, Support.NATIVE],
    [Capability.IMAGE_INPUT, Support.NONE],
  ]),
});
const far = createScriptedAdapter({ name: "far", support: new Map([[Capability.IMAGE_INPUT, Support.NATIVE]]) });
const state = testState(
  [near, far],
  [
    testPersona("default", [near, far]),
    testPersona("seer", [near, far], { requires: [Capability.IMAGE_INPUT] }),
    testPersona("terse", [near], {
      system: "Be brief.",
      sampling: create(SamplingSchema, { temperature: 0.1, maxOutputTokens: 9 }),
    }),
  ],
);

const request = (init: MessageInitShape<typeof ChatRequestSchema> = {}): ChatRequest =>
  create(ChatRequestSchema, {
    messages: [{ role: MessageRole.USER, parts: [{ kind: { case: "text", value: { text: "hi" } } }] }],
    ...init,
  });

const places = (asked: ChatRequest, principal: Principal = anyone, over: RoutingState = state): string[] =>
  resolve(over, asked, principal).candidates.map(({ adapter, model }) => `${adapter.settings.name}/${model.model}`);

const refusal = (asked: ChatRequest, principal: Principal = anyone, over: RoutingState = state): ExecutionError => {
  try {
    resolve(over, asked, principal);
  } catch (thrown) {
    if (thrown instanceof ExecutionError) return thrown;
    throw thrown;
  }
  throw new Error("the request was not refused");
};

describe("who serves a request", () => {
  test("the persona's candidates, in its order", () => {
    expect(places(request())).toEqual(["near/model-1", "far/model-1"]);
  });

  test("a named provider alone, its model verbatim even with a slash in it", () => {
    expect(places(request({ provider: "far", model: "near/x:free" }))).toEqual(["far/near/x:free"]);
  });

  test("a model is split at its slash only if what is before it is an instance this key may use", () => {
    expect(places(request({ model: "far/big" }))).toEqual(["far/big"]);
    expect(places(request({ model: "meta/big" }))).toEqual(["near/meta/big"]);
    expect(places(request({ model: "far/big" }), { ...anyone, providers: ["near"] })).toEqual(["near/far/big"]);
  });

  test("a key's providers and models narrow the persona's candidates", () => {
    expect(places(request(), { ...anyone, providers: ["far"] })).toEqual(["far/model-1"]);
    expect(refusal(request(), { ...anyone, models: ["other"] }).reason).toBe("SCOPE_DENIED");
  });

  test("a key that may use an alias may use its model by any name (mutant: the name the persona uses alone)", () => {
    const aliased = { ...near, model: (name: string) => ({ ...near.model(name), aliases: ["fast"] }) };
    const over = testState([aliased]);
    expect(places(request(), { ...anyone, models: ["fast"] }, over)).toEqual(["near/model-1"]);
  });

  test.each([
    [request({ persona: "nobody" }), "PERSONA_NOT_FOUND"],
    [request({ persona: "constructor" }), "PERSONA_NOT_FOUND"],
    [request({ provider: "nowhere" }), "PROVIDER_NOT_FOUND"],
    [request({ provider: "__proto__" }), "PROVIDER_NOT_FOUND"],
  ])("what is not there is not found (%#)", (asked, reason) => {
    expect(refusal(asked).reason).toBe(reason);
  });

  test("an instance that is another key's looks like one that is not there", () => {
    const hidden = refusal(request({ provider: "far" }), { ...anyone, providers: ["near"] });
    const absent = refusal(request({ provider: "nowhere" }), { ...anyone, providers: ["near"] });
    expect(hidden.message.replace("far", "X")).toBe(absent.message.replace("nowhere", "X"));
  });

  test("what a key may not use is told in the caller's words alone (mutant: name the instance and the provider's model)", () => {
    const aliased = createScriptedAdapter({ name: "far" });
    const over = testState([{ ...aliased, model: () => ({ ...aliased.model("alias"), model: "inner-id" }) }]);
    const denials = [{ providers: ["near"] }, { models: ["other"] }].map((scope) =>
      refusal(request({ model: "alias" }), { ...anyone, ...scope }, over),
    );
    for (const { reason, message } of denials) {
      expect([reason, message]).toEqual(["SCOPE_DENIED", 'this key may not use the model "alias"']);
    }
    const byDefault = refusal(request({ provider: "far" }), { ...anyone, models: ["other"] }, over);
    expect(byDefault.message).toBe('this key may not use the default model of "far"');
  });

  // Mutant seen red: looking at the request's own options only.
  test("provider options need the key's permission, save those of the mock", () => {
    const denied = { ...anyone, providerOptions: false };
    expect(refusal(request({ providerOptionsJson: { openai: "{}" } }), denied).reason).toBe("SCOPE_DENIED");
    expect(places(request({ providerOptionsJson: { mock: "{}" } }), denied)).toHaveLength(2);
    const tools = [{ name: "f", providerOptionsJson: { anthropic: "{}" } }];
    expect(refusal(request({ tools }), denied).reason).toBe("SCOPE_DENIED");
  });
});

describe("what a request needs", () => {
  const image = {
    kind: { case: "image" as const, value: { source: { case: "url" as const, value: "http://x/y.png" } } },
  };
  const withImage = request({ messages: [{ role: MessageRole.USER, parts: [image] }] });

  // Mutant seen red: treating SUPPORT_NONE as unknown.
  test("a candidate that is known to lack it is passed over", () => {
    expect(places(withImage)).toEqual(["far/model-1"]);
  });

  test("if nobody has it the error names what is missing where, and what asked for it", () => {
    const error = refusal(request({ provider: "near", messages: [{ role: MessageRole.USER, parts: [image] }] }));
    expect(error.reason).toBe("CAPABILITY_MISSING");
    expect(error.extras.preconditions).toEqual([
      {
        type: "CAPABILITY",
        subject: "near/model-1",
        description: "IMAGE_INPUT is missing, needed by messages[0].parts[0].image",
      },
    ]);
  });

  test("an image within a tool result counts", () => {
    const result = { kind: { case: "toolResult" as const, value: { toolCallId: "c", parts: [image] } } };
    expect(places(request({ messages: [{ role: MessageRole.TOOL, parts: [result] }] }))).toEqual(["far/model-1"]);
  });

  // Mutant seen red: letting an unknown capability pass a named requirement.
  test("what is required by name must be known; what is only used may be unknown, with a warning", () => {
    expect(refusal(request({ requiredCapabilities: [Capability.REASONING] })).reason).toBe("CAPABILITY_MISSING");
    const used = resolve(state, request({ reasoning: { effort: ReasoningEffort.HIGH } }), anyone);
    expect(used.candidates).toHaveLength(2);
    expect(used.candidates[0]?.warnings[0]).toMatchObject({ code: "CAPABILITY_UNKNOWN", field: "reasoning" });
  });

  test("a persona's requirement rules out the candidates that lack it", () => {
    expect(places(request({ persona: "seer" }))).toEqual(["far/model-1"]);
  });

  test("native tools follow from tools, and are not there where tools are simulated", () => {
    const tools = [{ name: "look" }];
    expect(places(request({ provider: "near", tools, maxToolTier: 1 }))).toEqual(["near/model-1"]);
    const simulated = createScriptedAdapter({ name: "sim", support: new Map([[Capability.TOOLS, Support.EMULATED]]) });
    expect(() => resolve(testState([simulated]), request({ tools, maxToolTier: 1 }), anyone)).toThrow(
      "NATIVE_TOOLS is missing",
    );
  });
});

describe("a persona's defaults", () => {
  test("its system prompt comes first, as a message of its own; nothing is merged", () => {
    const system = { role: MessageRole.SYSTEM, parts: [{ kind: { case: "text" as const, value: { text: "mine" } } }] };
    const { messages } = resolve(state, request({ persona: "terse", messages: [system] }), anyone).request;
    expect(messages.map(({ parts }) => parts[0]?.kind.value)).toMatchObject([{ text: "Be brief." }, { text: "mine" }]);
  });

  test("the request's sampling wins field by field, and each value knows its origin", () => {
    const { request: merged, values } = resolve(
      state,
      request({ persona: "terse", sampling: { temperature: 0 } }),
      anyone,
    );
    expect(merged.sampling).toMatchObject({ temperature: 0, maxOutputTokens: 9 });
    expect(values().get("sampling.temperature")).toEqual({ value: 0, origin: "request" });
    expect(values().get("sampling.max_output_tokens")).toEqual({ value: 9, origin: "persona" });
  });

  test("a tenant's default persona serves its requests that name none, and its settings hold for them", () => {
    const over: RoutingState = {
      ...state,
      config: { ...state.config, tenants: { acme: { name: "acme", defaultPersona: "terse", serviceTier: "flex" } } },
    };
    const own = resolve(over, request(), { ...anyone, tenant: "acme" });
    expect([own.persona, own.request.serviceTier]).toEqual(["terse", "flex"]);
    expect(own.values().get("persona")).toEqual({ value: "terse", origin: "tenant" });
    const named = resolve(over, request({ persona: "default" }), { ...anyone, tenant: "acme" });
    expect(named.values().get("persona")).toEqual({ value: "default", origin: "request" });
    const others = resolve(over, request(), anyone);
    expect([others.persona, others.request.serviceTier]).toEqual(["default", ""]);
    expect(others.values().get("persona")).toEqual({ value: "default", origin: "default" });
  });

  test("what a tenant or everybody requires rules out candidates, and errors name who requires it", () => {
    const requires = [Capability.IMAGE_INPUT];
    const ofTenant = { ...state.config, tenants: { t: { name: "t", requires } } };
    expect(places(request(), anyone, { ...state, config: ofTenant })).toEqual(["far/model-1"]);
    const ofAll = { ...state.config, defaults: { ...state.config.defaults, requires } };
    const error = refusal(request({ provider: "near" }), anyone, { ...state, config: ofAll });
    expect(error.message).toContain("IMAGE_INPUT is missing, needed by defaults.requires");
  });

  test("the caller's own request is not changed", () => {
    const asked = request({ persona: "terse" });
    resolve(state, asked, anyone);
    expect(asked.messages).toHaveLength(1);
    expect(asked.sampling).toBeUndefined();
  });
});
