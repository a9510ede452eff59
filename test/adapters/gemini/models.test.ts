import { describe, expect, test } from "@jest/globals";
import { capabilitiesOf, modelsOf } from "../../../src/adapters/gemini/models.ts";
import { Capability, Support } from "../../../src/gen/execution/v1/capabilities_pb.js";
import { geminiSettings } from "./rig.ts";

const settings = geminiSettings("https://generativelanguage.googleapis.com/v1beta");
const supportIn = (name: string, capability: Capability): Support | undefined =>
  capabilitiesOf(settings, name).capabilities.find((entry) => entry.capability === capability)?.support;

describe("what is known of a model", () => {
  test.each([
    ["gemini-2.5-pro", "gemini-2.5-pro"],
    ["gemini-2.0-flash-001", "gemini-2.0-flash"],
    ["gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"],
    ["gemini-2.5-flash-lite-preview-06-17", "gemini-2.5-flash-lite"],
    ["models/gemini-3.5-flash", "gemini-3.5-flash"],
  ])("of %s is that of %s", (name, known) => {
    const { contextWindow, maxOutputTokens, asOf, source, capabilities } = capabilitiesOf(settings, name);
    expect(capabilities).toEqual(capabilitiesOf(settings, known).capabilities);
    expect(contextWindow).toBe(1_048_576);
    expect(maxOutputTokens).toBeGreaterThan(0);
    expect(asOf).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(source).toContain("https://");
  });

  test("says what each can", () => {
    expect(supportIn("gemini-2.5-pro", Capability.REASONING)).toBe(Support.NATIVE);
    expect(supportIn("gemini-2.0-flash", Capability.REASONING)).toBe(Support.NONE);
    expect(supportIn("gemini-2.0-flash", Capability.LOGPROBS)).toBe(Support.NATIVE);
    expect(supportIn("gemini-2.5-flash", Capability.LOGPROBS)).toBe(Support.NONE);
    expect(supportIn("gemini-2.5-flash-image", Capability.IMAGE_OUTPUT)).toBe(Support.NATIVE);
    expect(supportIn("gemini-2.5-flash-image", Capability.TOOLS)).toBe(Support.NONE);
    expect(supportIn("gemini-2.5-pro", Capability.PROMPT_CACHING)).toBe(Support.NONE);
    expect(supportIn("gemini-2.5-pro", Capability.ASSISTANT_PREFIX)).toBe(Support.NONE);
  });

  test("is nothing for any other", () => {
    expect(capabilitiesOf(settings, "gemini-99")).toMatchObject({ capabilities: [], asOf: "", source: "" });
  });

  test("is listed with what the configuration names first", () => {
    const model = { id: "gemini-99", capabilities: [], quirks: {} };
    const names = modelsOf({ ...settings, models: { mine: model } }).map((one) => one.model);
    expect(names[0]).toBe("gemini-99");
    expect(names).toContain("gemini-2.5-flash");
    expect(new Set(names).size).toBe(names.length);
  });
});
