import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { modelQuirks, UNKNOWN } from "../../../src/adapters/anthropic/model-quirks.ts";
import { modelsOf } from "../../../src/adapters/anthropic/models.ts";
import { checkQuirks, resolveQuirks } from "../../../src/adapters/anthropic/quirk-settings.ts";
import { buildRequest } from "../../../src/adapters/anthropic/request.ts";
import { Capability, Support } from "../../../src/gen/execution/v1/capabilities_pb.js";
import type { ChatRequest } from "../../../src/gen/execution/v1/chat_pb.js";
import { anyModel, anyRequest } from "./random-requests.ts";
import { anthropicSettings } from "./rig.ts";

const BASE_URL = "https://api.anthropic.com";

describe("what is known of a model", () => {
  test.each([
    ["claude-3-opus-20240229", { thinking: [], efforts: [] }],
    ["claude-3-5-sonnet-20240620", { thinking: [] }],
    ["claude-3-7-sonnet-latest", { thinking: ["enabled"], efforts: [] }],
    ["claude-opus-4-20250514", { thinking: ["enabled"], prefill: undefined, sampling: undefined }],
    ["claude-sonnet-4-0", { thinking: ["enabled"], sampling: undefined }],
    ["claude-opus-4-1-20250805", { sampling: "one_of" }],
    ["claude-haiku-4-5-20251001", { thinking: ["enabled"], efforts: [], sampling: "one_of" }],
    ["claude-opus-4-5", { efforts: ["low", "medium", "high"] }],
    [
      "claude-sonnet-4-6",
      { thinking: ["adaptive", "enabled"], efforts: ["low", "medium", "high", "max"], prefill: false },
    ],
    ["anthropic.claude-opus-4-6-v1:0", { thinking: ["adaptive", "enabled"] }],
    ["claude-opus-4-7", { thinking: ["adaptive"], sampling: "none", systemMessages: false }],
    ["claude-opus-4-8", { systemMessages: true, thinksByDefault: undefined, thinkingOff: "disabled" }],
    ["claude-sonnet-5", { systemMessages: false, thinksByDefault: true, thinkingOff: "disabled" }],
    ["claude-opus-5", { thinksByDefault: true, thinkingOff: "disabled", effortWithoutThinking: "high" }],
    ["claude-opus-5-5", { thinkingOff: "never", forcedTools: false, systemMessages: true }],
    ["claude-sonnet-5-5", { thinkingOff: "between_tools", forcedTools: false }],
    ["claude-haiku-5-5", { thinkingOff: "disabled", forcedTools: undefined }],
    ["claude-fable-5", { thinkingOff: "never", forcedTools: true }],
    ["claude-fable-5-2", { forcedTools: false }],
    ["claude-mythos-preview", { efforts: ["low", "medium", "high", "max"], forcedTools: false, systemMessages: false }],
    ["claude-opus-6", { thinkingOff: "never" }],
    ["claude-opus-4-10", { sampling: "none", systemMessages: true, thinking: ["adaptive"] }],
    ["claude-opus-4-10-20270101", { sampling: "none", systemMessages: true }],
    ["claude-opus-10", { thinkingOff: "never" }],
    ["claude-sonnet-10-12", { thinkingOff: "between_tools" }],
    ["anthropic/claude-opus-4.6", { thinking: ["adaptive", "enabled"], prefill: false }],
    ["anthropic/claude-3.5-sonnet", { thinking: [] }],
    ["claude-3.7-sonnet", { thinking: ["enabled"] }],
    ["eu.anthropic.claude-opus-4-1-20250805-v1:0", { sampling: "one_of", efforts: [] }],
  ])("%s: %j", (model, quirks) => {
    const known = modelQuirks(model);
    expect(Object.fromEntries(Object.keys(quirks).map((key) => [key, known[key as keyof typeof known]]))).toEqual(
      quirks,
    );
  });

  test("whose name is nobody's is nothing, and then whatever is asked for is sent", () => {
    for (const model of ["some-model", "claude", "claude-opus", "kimi-k2", ""]) expect(modelQuirks(model)).toEqual({});
    expect(UNKNOWN).toMatchObject({ prefill: true, forcedTools: true, sampling: "free" });
  });
});

/** The fields of the body that a request becomes; none if it is refused. */
function writtenFields(request: ChatRequest, model: string): readonly string[] {
  try {
    const { body } = buildRequest({ request, model, quirks: resolveQuirks(anthropicSettings(BASE_URL), model) });
    return Object.keys(JSON.parse(body) as object);
  } catch {
    return [];
  }
}

describe("quirks", () => {
  test("and capabilities of a known model say the same of a message to continue", () => {
    const settings = anthropicSettings(BASE_URL);
    const differing = modelsOf(settings).filter(({ model, capabilities }) => {
      const prefix = capabilities.find(({ capability }) => capability === Capability.ASSISTANT_PREFIX);
      return (prefix?.support === Support.NATIVE) !== resolveQuirks(settings, model).prefill;
    });
    expect(differing.map(({ model }) => model)).toEqual([]);
  });

  test("are the model's own, then the instance's, then those configured for the model", () => {
    const models = {
      fast: { id: "claude-opus-4-7", capabilities: [], maxOutputTokens: 99, quirks: { sampling: "free" } },
    };
    const settings = anthropicSettings(BASE_URL, { models, quirks: { auth_header: "authorization", prefill: true } });
    expect(resolveQuirks(settings, "claude-opus-4-7")).toMatchObject({
      authHeader: "authorization",
      maxTokens: 99,
      sampling: "free",
      prefill: true,
      thinking: ["adaptive"],
    });
    expect(resolveQuirks(settings, "claude-opus-4-8").sampling).toBe("none");
  });

  test("wrongly configured are told by path, with what would do", () => {
    const models = { fast: { id: "m", capabilities: [], quirks: { max_tokens: 0 } } };
    const settings = anthropicSettings(BASE_URL, { models, quirks: { thinking: ["sometimes"], tempo: 1, betas: "x" } });
    expect(checkQuirks(settings).map(({ path, message }) => `${path.join(".")}: ${message}`)).toEqual([
      "quirks.thinking: must be a list of adaptive, enabled",
      expect.stringMatching(/^quirks\.tempo: is not known; known are auth_header, stream/),
      "quirks.betas: must be a list of texts",
      "models.fast.quirks.max_tokens: must be a whole number above 0",
    ]);
  });

  // Mutants seen red: any text taken for an option; one that a request is built with missing from the list.
  test("never let options set a field the contract owns, or one that changes the price", () => {
    const problems = (...options: string[]) => checkQuirks(anthropicSettings(BASE_URL, { quirks: { options } }));
    fc.assert(
      fc.property(anyRequest, anyModel, (request, model) => {
        const written = writtenFields(request, model);
        expect(written.filter((field) => field !== "container" && problems(field).length === 0)).toEqual([]);
      }),
      { numRuns: 300 },
    );
    expect(problems(...UNKNOWN.options)).toEqual([]);
    for (const priced of ["service_tier", "speed", "inference_geo", "fallbacks"]) {
      expect(problems("container", priced)).toMatchObject([{ message: expect.stringContaining(priced) }]);
    }
  });
});
