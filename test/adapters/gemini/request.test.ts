import { describe, expect, test } from "@jest/globals";
import { Capability } from "../../../src/gen/execution/v1/capabilities_pb.js";
import { Modality, Verbosity } from "../../../src/gen/execution/v1/chat_pb.js";
import { build, refusal } from "./build.ts";

describe("the path of a request", () => {
  test.each([
    ["gemini-2.5-pro", {}, "/models/gemini-2.5-pro:streamGenerateContent", { alt: "sse" }],
    ["gemini-2.5-pro", { stream_framing: "array" }, "/models/gemini-2.5-pro:streamGenerateContent", {}],
    ["gemini-2.5-pro", { stream: false }, "/models/gemini-2.5-pro:generateContent", {}],
    ["tunedModels/mine", {}, "/tunedModels/mine:streamGenerateContent", { alt: "sse" }],
    ["odd name?x#y:z", {}, "/models/odd%20name%3Fx%23y%3Az:streamGenerateContent", { alt: "sse" }],
  ])("of %s with %j is %s", (model, quirks, path, query) => {
    expect(build({}, { model, quirks })).toMatchObject({ path, query });
  });

  test.each([["../files"], ["a/../b"], ["."], [""], ["/a"], ["a//b"]])(
    "of %j does not exist (mutant: encode it alone)",
    (model) => {
      expect(refusal({}, { model })).toMatchObject({
        reason: "INVALID_FIELD",
        extras: { fields: [{ field: "model" }] },
      });
    },
  );
});

describe("generationConfig", () => {
  const configOf = (...given: Parameters<typeof build>) => build(...given).body.generationConfig;

  test("is absent where nothing is asked for", () => {
    expect(build({}).body).toEqual({ contents: [{ role: "user", parts: [{ text: "hi" }] }] });
  });

  // Mutant seen red: left out, since it does not fit the wire.
  test("asks for no more output than the model can make, where that is known", () => {
    const sampling = { maxOutputTokens: 4_294_967_295 };
    expect(configOf({ sampling })).toEqual({ maxOutputTokens: 65_536 });
    expect(build({ sampling }).ignored).toEqual(["sampling.max_output_tokens"]);
  });

  test("has every hint the model takes", () => {
    const sampling = {
      maxOutputTokens: 10,
      temperature: 0.5,
      topP: 0.25,
      topK: 4,
      stop: ["END"],
      seed: -7n,
      frequencyPenalty: 0.5,
      presencePenalty: -0.5,
      logprobs: true,
      topLogprobs: 3,
    };
    expect(configOf({ sampling }, { model: "gemini-2.0-flash" })).toEqual({
      maxOutputTokens: 10,
      temperature: 0.5,
      topP: 0.25,
      topK: 4,
      stopSequences: ["END"],
      seed: -7,
      frequencyPenalty: 0.5,
      presencePenalty: -0.5,
      responseLogprobs: true,
      logprobs: 3,
    });
  });

  test("leaves out what the model or the wire lacks, and says so", () => {
    const { body, ignored } = build({
      sampling: {
        seed: 2n ** 40n,
        topK: 2 ** 31,
        minP: 0.1,
        repetitionPenalty: 1.5,
        logitBias: { 5: 1 },
        frequencyPenalty: 1,
        presencePenalty: 1,
        logprobs: true,
        topLogprobs: 2,
      },
      verbosity: Verbosity.LOW,
      endUserId: "ann",
      cacheKey: "k",
      store: true,
      cacheHint: {},
      parallelToolCalls: false,
      audioOutput: { format: "mp3", voice: "" },
    });
    expect(body).not.toHaveProperty("generationConfig");
    expect(ignored.toSorted()).toEqual(
      [
        "audio_output.format",
        "cache_hint",
        "cache_key",
        "end_user_id",
        "parallel_tool_calls",
        "sampling.frequency_penalty",
        "sampling.logit_bias",
        "sampling.logprobs",
        "sampling.min_p",
        "sampling.presence_penalty",
        "sampling.repetition_penalty",
        "sampling.seed",
        "sampling.top_k",
        "sampling.top_logprobs",
        "store",
        "verbosity",
      ].toSorted(),
    );
  });

  test("has the form of the answer", () => {
    expect(configOf({ responseFormat: { format: { case: "json", value: {} } } })).toEqual({
      responseMimeType: "application/json",
    });
    expect(build({ responseFormat: { format: { case: "text", value: {} } } }).body).not.toHaveProperty(
      "generationConfig",
    );
    const schemaJson =
      '{"type": "object", "properties": {"2": {"type": ["string", "null"]}}, "maximum": 12345678901234567890}';
    const responseFormat = {
      format: { case: "jsonSchema" as const, value: { schemaJson, name: "n", description: "d" } },
    };
    const { text, ignored } = build({ responseFormat });
    expect(text).toContain(`"responseMimeType":"application/json","responseJsonSchema":${schemaJson}`);
    expect(ignored).toEqual(["response_format.json_schema.description"]);
    const loose = { format: { case: "jsonSchema" as const, value: { schemaJson, strict: false } } };
    expect(build({ responseFormat: loose }).ignored).toEqual(["response_format.json_schema.strict"]);
    expect(build({ responseFormat }, { quirks: { schemas: "openapi" } }).text).toContain(
      '"responseSchema":{"type":"OBJECT","properties":{"2":{"type":"STRING","nullable":true}},"maximum":12345678901234567890}',
    );
    const broken = { format: { case: "jsonSchema" as const, value: { schemaJson: "[]" } } };
    expect(refusal({ responseFormat: broken })).toMatchObject({ reason: "INVALID_FIELD" });
  });

  test("has the kinds of output and the voice", () => {
    expect(
      configOf({ modalities: [Modality.TEXT, Modality.AUDIO, Modality.IMAGE], audioOutput: { voice: "Kore" } }),
    ).toEqual({
      responseModalities: ["TEXT", "AUDIO", "IMAGE"],
      speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: "Kore" } } },
    });
  });
});

describe("a body", () => {
  test("has safety settings and the tier of service", () => {
    const settings = { category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" };
    expect(build({ safetySettings: [settings], serviceTier: "flex", metadata: { team: "blue" } }).body).toMatchObject({
      safetySettings: [settings],
      serviceTier: "flex",
    });
  });

  test("takes no choice of upstreams", () => {
    expect(refusal({ upstreamRouting: { order: ["a"] } })).toMatchObject({ reason: "CAPABILITY_MISSING" });
  });
});

describe("options of the provider", () => {
  const withOptions = (gemini: string) => ({ providerOptionsJson: { gemini, openai: '{"x":1}' } });

  test("go where they belong, beside what the contract says (mutant: replace the object)", () => {
    const options =
      '{"cachedContent":"cachedContents/a","generationConfig":{"mediaResolution":"MEDIA_RESOLUTION_LOW"}}';
    const { text } = build({ ...withOptions(options), sampling: { temperature: 0.5 } });
    expect(text).toContain('"generationConfig":{"temperature":0.5,"mediaResolution":"MEDIA_RESOLUTION_LOW"}');
    expect(text).toContain('"cachedContent":"cachedContents/a"');
  });

  test("may be nested, and keep their digits", () => {
    const options =
      '{"generationConfig":{"speechConfig":{"languageCode":"de"}},"toolConfig":{"retrievalConfig":{"x": 1.50}}}';
    const { text } = build({ ...withOptions(options), audioOutput: { voice: "Kore" } });
    expect(text).toContain(
      '"speechConfig":{"voiceConfig":{"prebuiltVoiceConfig":{"voiceName":"Kore"}},"languageCode":"de"}',
    );
    expect(text).toContain('"retrievalConfig":{"x": 1.50}');
  });

  test.each([
    ['{"model":"x"}', "model"],
    ['{"contents":[]}', "contents"],
    ['{"serviceTier":"priority"}', "serviceTier"],
    ['{"generationConfig":{"candidateCount":2}}', "generationConfig.candidateCount"],
    ['{"generationConfig":3}', "generationConfig"],
    ['{"labels":{}}', "labels"],
    ['{"__proto__":{}}', "__proto__"],
  ])("off the list are refused: %s", (options, path) => {
    expect(refusal(withOptions(options))).toMatchObject({
      reason: "INVALID_FIELD",
      extras: { fields: [{ field: `provider_options_json["gemini"].${path}` }] },
    });
  });

  test("are what the surface and the operator allow", () => {
    expect(build(withOptions('{"labels":{"a":"b"}}'), { quirks: { surface: "vertex" } }).body).toMatchObject({
      labels: { a: "b" },
    });
    expect(build(withOptions('{"new":1}'), { quirks: { options: ["new"] } }).body).toMatchObject({ new: 1 });
    expect(refusal(withOptions("[]"))).toMatchObject({ reason: "INVALID_FIELD" });
    expect(build(withOptions("")).body).toEqual(build({}).body);
  });
});

test("free-form tools and calls are what the wire lacks", () => {
  expect(refusal({ tools: [{ name: "f", freeForm: {} }] })).toMatchObject({
    extras: { preconditions: [{ subject: Capability[Capability.FREE_FORM_TOOLS] }] },
  });
});
