import { describe, expect, test } from "@jest/globals";
import { checkQuirks, regionOf, resolveQuirks } from "../../../src/adapters/gemini/quirk-settings.ts";
import { Modality, ReasoningEffort } from "../../../src/gen/execution/v1/chat_pb.js";
import { ToolChoiceMode } from "../../../src/gen/execution/v1/tools_pb.js";
import { build, system, text, user } from "./build.ts";
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

// Mutant seen red: the location in the path not looked for.
test.each([
  ["https://aiplatform.googleapis.com/v1/publishers/google", "global"],
  ["https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google", "global"],
  ["https://us-central1-aiplatform.googleapis.com/v1/publishers/google", "us-central1"],
  ["https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers/google", "us-east5"],
  ["https://generativelanguage.googleapis.com/v1beta/locations/x", undefined],
  ["https://aiplatform.googleapis.com.evil.example/v1", undefined],
  ["no url", undefined],
])("the region of %s is %s", (baseUrl, region) => {
  expect(regionOf(geminiSettings(baseUrl))).toBe(region);
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

  // Mutants seen red: any text taken for an option; what an option is part of not looked at; only Google's own spelling looked at.
  test("never let options set a field the contract owns, or one that changes the price", () => {
    const problems = (...options: string[]) => checkQuirks(geminiSettings("http://near", { quirks: { options } }));
    const taken = ["contents", "generationConfig", "generation_config", "generationConfig.max_output_tokens"];
    const more = ["tools", "toolConfig", "generationConfig.thinkingConfig.includeThoughts", "serviceTier"];
    for (const option of [...taken, ...more]) {
      expect(problems("cachedContent", option)).toMatchObject([{ message: expect.stringContaining(option) }]);
    }
    const { body } = build(
      {
        tools: [{ name: "f" }],
        toolChoice: { mode: ToolChoiceMode.REQUIRED },
        responseFormat: { format: { case: "json", value: {} } },
        sampling: {
          maxOutputTokens: 9,
          ...{ temperature: 1, topP: 1, topK: 1, stop: ["x"], seed: 1n, frequencyPenalty: 1, presencePenalty: 1 },
          ...{ logprobs: true, topLogprobs: 1 },
        },
        reasoning: { effort: ReasoningEffort.LOW },
        modalities: [Modality.TEXT],
        audioOutput: { voice: "a" },
        safetySettings: [{ category: "a", threshold: "b" }],
        serviceTier: "flex",
        messages: [system(text("s")), user(text("u"))],
      },
      { quirks: { ignores: [] } },
    );
    const { generationConfig, toolConfig, ...rest } = body as Record<string, object>;
    const paths = [
      ...Object.keys(rest),
      ...Object.keys(generationConfig ?? {}).map((name) => `generationConfig.${name}`),
      ...Object.keys(toolConfig ?? {}).map((name) => `toolConfig.${name}`),
    ];
    expect(paths.length).toBeGreaterThan(17);
    expect(paths.filter((path) => problems(path).length === 0)).toEqual([]);
    for (const surface of ["gemini_api", "vertex"]) {
      const { options } = resolveQuirks(geminiSettings("http://near", { quirks: { surface } }), "m");
      expect(problems(...options)).toEqual([]);
    }
  });
});
