import { describe, expect, test } from "@jest/globals";
import { capabilitiesOf, modelsOf } from "../../../src/adapters/anthropic/models.ts";
import { resolveQuirks } from "../../../src/adapters/anthropic/quirk-settings.ts";
import { Capability, Support } from "../../../src/gen/execution/v1/capabilities_pb.js";
import { anthropicSettings } from "./rig.ts";

const instance = anthropicSettings("https://api.anthropic.com");
const supportOf = (model: string, capability: Capability) =>
  capabilitiesOf(instance, model).capabilities.find((entry) => entry.capability === capability)?.support;

describe("what is known of a model", () => {
  test("has its date and source, and its bounds", () => {
    expect(capabilitiesOf(instance, "claude-opus-5-5")).toMatchObject({
      model: "claude-opus-5-5",
      contextWindow: 1_000_000,
      maxOutputTokens: 128_000,
      asOf: expect.stringMatching(/^\d{4}-\d{2}-\d{2}$/),
      source: expect.stringContaining("https://platform.claude.com/"),
    });
    expect(capabilitiesOf(instance, "claude-haiku-4-5")).toMatchObject({
      contextWindow: 200_000,
      maxOutputTokens: 64_000,
    });
  });

  test("is that of its family for a snapshot", () => {
    expect(capabilitiesOf(instance, "claude-haiku-4-5-20251001")).toMatchObject({
      model: "claude-haiku-4-5-20251001",
      contextWindow: 200_000,
    });
  });

  test("agrees with what the request builder knows of it (mutant: a family in the wrong place)", () => {
    for (const { model, capabilities, maxOutputTokens } of modelsOf(instance)) {
      const quirks = resolveQuirks(instance, model);
      const can = (capability: Capability) =>
        capabilities.find((entry) => entry.capability === capability)?.support === Support.NATIVE;
      expect([model, can(Capability.ASSISTANT_PREFIX), can(Capability.REASONING), maxOutputTokens]).toEqual([
        model,
        quirks.prefill,
        quirks.thinking.length > 0,
        quirks.maxTokens,
      ]);
    }
  });

  test("tells which ones go on with a given beginning", () => {
    expect(supportOf("claude-sonnet-4-5", Capability.ASSISTANT_PREFIX)).toBe(Support.NATIVE);
    expect(supportOf("claude-sonnet-4-6", Capability.ASSISTANT_PREFIX)).toBe(Support.NONE);
    expect(supportOf("claude-sonnet-4-6", Capability.LOGPROBS)).toBe(Support.NONE);
  });

  // Mutants seen red: such models not in the table; listed as if Anthropic still served them.
  test("is known of models that others serve and Anthropic does not any more, which are not listed", () => {
    const known = (model: string) => {
      const { contextWindow, maxOutputTokens } = capabilitiesOf(instance, model);
      return [
        contextWindow,
        maxOutputTokens,
        supportOf(model, Capability.TOOLS),
        supportOf(model, Capability.REASONING),
      ];
    };
    const retired: readonly (readonly [string, number, Support])[] = [
      ["claude-opus-4-1-20250805", 32_000, Support.NATIVE],
      ["claude-opus-4-0", 32_000, Support.NATIVE],
      ["claude-sonnet-4-20250514", 64_000, Support.NATIVE],
      ["claude-3-7-sonnet-latest", 64_000, Support.NATIVE],
      ["claude-3-5-haiku-20241022", 8192, Support.NONE],
    ];
    const listed = modelsOf(instance).map(({ model }) => model);
    for (const [model, most, thinks] of retired) {
      expect([model, ...known(model)]).toEqual([model, 200_000, most, Support.NATIVE, thinks]);
      expect(resolveQuirks(instance, model)).toMatchObject({ maxTokens: most, prefill: true });
      expect(resolveQuirks(instance, model).thinking.length > 0).toBe(thinks === Support.NATIVE);
      expect(listed).not.toContain(model.replace(/-(\d{8}|latest)$/, ""));
    }
  });

  test("is nothing for a model nobody knows", () => {
    expect(capabilitiesOf(instance, "claude-9")).toMatchObject({ model: "claude-9", capabilities: [], asOf: "" });
    expect(capabilitiesOf(instance, "constructor")).toMatchObject({ model: "constructor", capabilities: [] });
  });

  test("is known wherever the wire is spoken, and listed at Anthropic", () => {
    const elsewhere = anthropicSettings("https://gateway.example/anthropic");
    expect(capabilitiesOf(elsewhere, "claude-opus-5-5").contextWindow).toBe(1_000_000);
    expect(modelsOf(elsewhere)).toEqual([]);
    const { baseUrl: _, ...byDefault } = instance;
    for (const settings of [instance, byDefault]) {
      expect(modelsOf(settings).map(({ model }) => model)).toContain("claude-fable-5-2");
    }
  });
});
