import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import type { Config } from "../../src/config/config.ts";
import {
  type ChatRequest,
  ChatRequestSchema,
  FallbackPolicy,
  ReasoningEffort,
  Verbosity,
} from "../../src/gen/execution/v1/chat_pb.js";
import { mergeLayers } from "../../src/router/layers.ts";
import { load } from "../config/load-from.ts";

const configOf = async (file: string, environment: Readonly<Record<string, string>> = {}): Promise<Config> =>
  (await load({ file, environment })).config;

const request = (init: MessageInitShape<typeof ChatRequestSchema> = {}): ChatRequest => create(ChatRequestSchema, init);

function merge(config: Config, asked: ChatRequest = request(), tenant = "acme") {
  const persona = config.personas.default;
  if (persona === undefined) throw new Error("there is no persona default");
  const merged = mergeLayers(config, { persona, tenant }, asked);
  const values = Object.fromEntries([...merged.values()].map(([path, { value, origin }]) => [path, [value, origin]]));
  return { ...merged, values };
}

const layered = `
defaults:
  verbosity: high
  service_tier: flex
  sampling: { temperature: 0.1, top_p: 0.2, seed: 1 }
tenants:
  acme:
    service_tier: auto
    sampling: { top_p: 0.3, seed: 2 }
    max_tool_tier: 2
personas:
  default:
    sampling: { seed: 3 }
    store: false
`;

describe("the layers of a call", () => {
  // Mutants seen red: the tenant laid over the persona; the request under it; the tenant left out.
  test("win in their order, value by value, and each value knows its origin", async () => {
    const { values, request: merged } = merge(await configOf(layered), request({ sampling: { temperature: 0 } }));
    expect(values).toEqual({
      verbosity: ["high", "file:3"],
      service_tier: ["auto", "tenant (file:8)"],
      "sampling.temperature": [0, "request"],
      "sampling.top_p": [0.3, "tenant (file:9)"],
      "sampling.seed": ["3", "persona (file:13)"],
      max_tool_tier: [2, "tenant (file:10)"],
      store: [false, "persona (file:14)"],
      fallback_policy: ["allow", "default"],
      requires: [[], "default"],
      timeout: ["10m", "default"],
    });
    expect(merged).toMatchObject({
      verbosity: Verbosity.HIGH,
      serviceTier: "auto",
      sampling: { temperature: 0, topP: 0.3, seed: 3n },
      maxToolTier: 2,
      store: false,
      fallbackPolicy: FallbackPolicy.ALLOW,
    });
  });

  test("have the environment over the file, and no tenant where the caller's has no settings", async () => {
    const config = await configOf(layered, { EP_DEFAULTS_VERBOSITY: "low", EP_LIMITS_DEFAULT_DEADLINE: "90s" });
    const { values } = merge(config, request(), "constructor");
    expect(values.verbosity).toEqual(["low", "environment:EP_DEFAULTS_VERBOSITY"]);
    expect(values.service_tier).toEqual(["flex", "file:4"]);
    expect(values.timeout).toEqual(["90s", "environment:EP_LIMITS_DEFAULT_DEADLINE"]);
  });

  test("give way to whatever the request sets, be it false or 0", async () => {
    const file =
      "defaults: { store: true, parallel_tool_calls: true, sampling: { top_k: 5 }, fallback_policy: allow }\n";
    const asked = request({
      store: false,
      parallelToolCalls: false,
      sampling: { topK: 0 },
      fallbackPolicy: FallbackPolicy.DENY,
    });
    expect(merge(await configOf(file), asked).request).toMatchObject(asked);
  });

  test("are not seen in a request that has empty messages for them", async () => {
    const file = "defaults: { sampling: { stop: [END] }, reasoning: { effort: low } }\n";
    const { request: merged } = merge(await configOf(file), request({ sampling: {}, reasoning: {}, serviceTier: "" }));
    expect(merged.sampling?.stop).toEqual(["END"]);
    expect(merged.reasoning?.effort).toBe(ReasoningEffort.LOW);
  });

  test("replace lists, texts and requirements as a whole, and name who requires", async () => {
    const file = `
defaults: { system: Be kind., requires: [tools], sampling: { stop: [a, b] } }
tenants: { acme: { requires: [image_input] } }
personas: { default: { system: [Be, brief.], sampling: { stop: [c] } } }
`;
    const merged = merge(await configOf(file));
    expect(merged.values.system).toEqual(["Be\n\nbrief.", "persona (file:4)"]);
    expect(merged.values["sampling.stop"]).toEqual([["c"], "persona (file:4)"]);
    expect(merged.values.requires).toEqual([["image_input"], "tenant (file:3)"]);
    expect(merged.requiredBy).toBe("tenant.requires");
    expect(merged.request.messages.map(({ parts }) => parts[0]?.kind.value)).toMatchObject([{ text: "Be\n\nbrief." }]);
  });

  // Mutant seen red: no groups. A persona's budget then beats the request's effort, since budgets win where a provider takes either.
  test("replace what means something only together as one", async () => {
    const file =
      "personas: { default: { reasoning: { token_budget: 9, summary: auto }, sampling: { logprobs: true, top_logprobs: 5 } } }\n";
    const config = await configOf(file);
    const little = merge(
      config,
      request({ reasoning: { effort: ReasoningEffort.LOW }, sampling: { logprobs: false } }),
    );
    expect(little.request.reasoning).toMatchObject({ effort: ReasoningEffort.LOW, summary: 1 });
    expect(little.request.reasoning?.tokenBudget).toBeUndefined();
    expect(little.request.sampling?.topLogprobs).toBeUndefined();
    expect(Object.keys(little.values)).not.toContain("reasoning.token_budget");
    expect(merge(config).request.reasoning).toMatchObject({ tokenBudget: 9, summary: 1 });
  });

  test("merge to something frozen that JSON can hold, and leave the request alone", async () => {
    const asked = request({ sampling: { seed: 5n } });
    const before = structuredClone(asked);
    const merged = merge(await configOf(`${layered}    system: Be brief.\n`), asked);
    expect(asked).toEqual(before);
    expect([merged.request, merged.request.sampling].map(Object.isFrozen)).toEqual([true, true]);
    expect(JSON.parse(JSON.stringify(merged.values))).toEqual(merged.values);
    expect(merge(await configOf("log_level: info\n")).request.sampling).toBeUndefined();
  });
});
