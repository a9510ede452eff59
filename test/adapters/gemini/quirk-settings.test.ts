import { describe, expect, test } from "@jest/globals";
import { checkQuirks, resolveQuirks } from "../../../src/adapters/gemini/quirk-settings.ts";
import { geminiSettings } from "./rig.ts";

describe("the surface of an instance", () => {
  test.each([
    ["https://generativelanguage.googleapis.com/v1beta", "gemini_api"],
    ["https://aiplatform.googleapis.com/v1/publishers/google", "vertex"],
    ["https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers/google", "vertex"],
    ["https://aiplatform.googleapis.com.evil.example/v1", "gemini_api"],
    ["https://notaiplatform.googleapis.com/v1", "gemini_api"],
    ["http://localhost:8000/v1", "gemini_api"],
    ["no url", "gemini_api"],
  ])("at %s is %s", (baseUrl, surface) => {
    expect(resolveQuirks(geminiSettings(baseUrl), "gemini-2.5-pro").surface).toBe(surface);
  });
});

describe("quirks", () => {
  test("are the surface's, then the model's by its name, then the instance's, then the configured model's", () => {
    const model = { id: "gemini-2.5-pro", capabilities: [], quirks: { thinking: "none" } };
    const settings = geminiSettings("https://generativelanguage.googleapis.com/v1beta", {
      quirks: { surface: "vertex", schemas: "openapi" },
      models: { pro: model },
    });
    expect(resolveQuirks(settings, "gemini-2.5-flash")).toMatchObject({
      surface: "vertex",
      streamArguments: true,
      schemas: "openapi",
      thinking: "budget",
      thinkingOff: true,
      ignores: ["frequency_penalty", "presence_penalty"],
    });
    expect(resolveQuirks(settings, "gemini-2.5-pro").thinking).toBe("none");
  });

  test.each([
    ["gemini-3.8-flash", { thinking: "level", thinkingLevels: ["low", "medium", "high"], serverToolCalls: true }],
    ["gemini-3-flash-preview", { thinkingLevels: ["minimal", "low", "medium", "high"] }],
    ["gemini-3.1-flash-lite", { thinkingLevels: ["minimal", "low", "medium", "high"] }],
    ["models/gemini-3-pro-preview", { thinkingLevels: ["low", "high"], toolResultMedia: true }],
    ["gemini-2.5-flash-lite-preview-09-2025", { thinking: "budget", thinkingOff: true, toolResultMedia: false }],
    ["gemini-2.5-flash-image", { thinking: "none" }],
    ["gemini-2.0-flash-001", { thinking: "none", validatedMode: false, ignores: [] }],
    ["gemma-3-27b-it", { thinking: "none", validatedMode: false }],
    ["something-else", { thinking: "level", ignores: ["frequency_penalty", "presence_penalty", "logprobs"] }],
  ])("of %s are known by its name", (model, known) => {
    const settings = geminiSettings("https://generativelanguage.googleapis.com/v1beta");
    expect(resolveQuirks(settings, model)).toMatchObject(known);
  });

  test("that are wrong are complained of, and passed over", () => {
    const settings = geminiSettings("http://near", {
      quirks: { surface: "bedrock", schemas: "xml", thinking_levels: ["low", "wild"], unknown: 1 },
      models: { a: { id: "m", capabilities: [], quirks: { stream: "yes", surface: "vertex" } } },
    });
    expect(checkQuirks(settings).map(({ path }) => path.join("."))).toEqual([
      "quirks.surface",
      "quirks.schemas",
      "quirks.thinking_levels",
      "quirks.unknown",
      "models.a.quirks.stream",
      "models.a.quirks.surface",
    ]);
    expect(resolveQuirks(settings, "m")).toMatchObject({ surface: "gemini_api", schemas: "json_schema", stream: true });
    expect(checkQuirks(geminiSettings("http://near"))).toEqual([]);
  });
});
