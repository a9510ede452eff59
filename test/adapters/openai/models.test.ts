import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { capabilitiesOf, modelsOf } from "../../../src/adapters/openai/models.ts";
import { Capability, CapabilitySupportSchema, Support } from "../../../src/gen/execution/v1/capabilities_pb.js";
import { instance } from "./build.ts";

const supportIn = (model: ReturnType<typeof capabilitiesOf>, capability: Capability): Support | undefined =>
  model.capabilities.find((entry) => entry.capability === capability)?.support;

describe("what is known of a model", () => {
  test("is dated and sourced for OpenAI's own, snapshots included", () => {
    const model = capabilitiesOf(instance(), "gpt-4o-2024-11-20");
    expect(model).toMatchObject({ model: "gpt-4o-2024-11-20", contextWindow: 128_000, maxOutputTokens: 16_384 });
    expect(model.asOf).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(model.source).toContain("https://");
    expect(supportIn(model, Capability.IMAGE_INPUT)).toBe(Support.NATIVE);
    expect(supportIn(model, Capability.REASONING)).toBe(Support.NONE);
    expect(supportIn(capabilitiesOf(instance(), "gpt-5"), Capability.REASONING)).toBe(Support.NATIVE);
  });

  test("is nothing for any other, and nothing is claimed", () => {
    for (const settings of [instance(), instance({}, {}, "http://localhost:8000/v1")]) {
      const model = capabilitiesOf(settings, "mystery-7b");
      expect(model).toMatchObject({ model: "mystery-7b", capabilities: [], asOf: "", source: "" });
      expect(model.contextWindow).toBeUndefined();
    }
    expect(capabilitiesOf(instance({}, {}, "http://localhost:8000/v1"), "gpt-4o").capabilities).toEqual([]);
  });

  test("is what the operator declares, before what the adapter knows", () => {
    const declared = create(CapabilitySupportSchema, { capability: Capability.IMAGE_INPUT, support: Support.NONE });
    const models = {
      fast: { id: "gpt-4o-mini", capabilities: [declared], contextWindow: 1000, quirks: {} },
      own: { id: "mine", capabilities: [declared], quirks: {} },
    };
    const fast = capabilitiesOf(instance({}, models), "fast");
    expect(fast).toMatchObject({
      model: "gpt-4o-mini",
      aliases: ["fast"],
      contextWindow: 1000,
      maxOutputTokens: 16_384,
    });
    expect(supportIn(fast, Capability.IMAGE_INPUT)).toBe(Support.NONE);
    expect(fast.capabilities.filter(({ capability }) => capability === Capability.IMAGE_INPUT)).toHaveLength(1);
    expect(supportIn(fast, Capability.TOOLS)).toBe(Support.NATIVE);
    expect(capabilitiesOf(instance({}, models), "own")).toMatchObject({
      model: "mine",
      source: "configuration",
      asOf: "",
    });
  });

  test("is not taken from names every object has", () => {
    expect(capabilitiesOf(instance(), "constructor").model).toBe("constructor");
  });
});

describe("the list of models", () => {
  test("holds the configured ones first, and OpenAI's own at OpenAI only", () => {
    const models = { fast: { id: "gpt-4o-mini", capabilities: [], quirks: {} } };
    const listed = modelsOf(instance({}, models)).map(({ model }) => model);
    expect(listed[0]).toBe("gpt-4o-mini");
    expect(new Set(listed).size).toBe(listed.length);
    expect(modelsOf(instance({}, models, "http://localhost:8000/v1"))).toHaveLength(1);
  });
});
