import { describe, expect, test } from "@jest/globals";
import { mockKind } from "../../../src/adapters/mock/index.ts";
import { Capability, type ModelCapabilities, Support } from "../../../src/gen/execution/v1/capabilities_pb.js";
import { Secret } from "../../../src/secret.ts";
import { createMock, mockModel, mockSettings } from "./rig.ts";

const supportOf = ({ capabilities }: ModelCapabilities): Record<string, string> =>
  Object.fromEntries(capabilities.map(({ capability, support }) => [Capability[capability], Support[support] ?? ""]));

const problems = (changes: Parameters<typeof mockSettings>[0]): readonly string[] =>
  mockKind.check(mockSettings(changes)).map(({ path, message }) => `${path.join(".")} ${message}`);

describe("the mock kind", () => {
  test("needs nothing and spends nothing", () => {
    expect(mockKind).toMatchObject({ kind: "mock", needsKey: false });
    expect(mockKind.defaultBaseUrl).toBeUndefined();
    expect(createMock()).toMatchObject({ spends: false, owner: "mock", defaultModel: "mock" });
    expect(createMock({ defaultModel: "slow" }).defaultModel).toBe("slow");
  });
});

describe("the models", () => {
  const every = Object.values(Capability).filter(
    (value) => typeof value === "number" && value !== Capability.UNSPECIFIED,
  );

  test("mock has every capability there is (mutant: a list that a new capability is missing from)", () => {
    const support = supportOf(createMock().model("mock"));
    expect(Object.keys(support)).toHaveLength(every.length);
    expect(new Set(Object.values(support))).toEqual(new Set(["NATIVE"]));
  });

  test("mock-text has text and nothing else", () => {
    const { STREAMING, ...others } = supportOf(createMock().model("mock-text"));
    expect(STREAMING).toBe("NATIVE");
    expect(Object.keys(others)).toHaveLength(every.length - 1);
    expect(new Set(Object.values(others))).toEqual(new Set(["NONE"]));
  });

  test("an unknown name is like mock, under its own name", () => {
    const mock = createMock().model("mock");
    expect(createMock().model("who")).toEqual({ ...mock, model: "who" });
    expect(createMock().model("constructor")).toEqual({ ...mock, model: "constructor" });
  });

  test("the configuration adds aliases, limits and what it declares", () => {
    const adapter = createMock({
      models: {
        small: mockModel("mock-text", { contextWindow: 100, maxOutputTokens: 10 }),
        blind: mockModel("blind-1", {
          capabilities: [
            { $typeName: "execution.v1.CapabilitySupport", capability: Capability.IMAGE_INPUT, support: Support.NONE },
          ],
        }),
      },
    });
    expect(adapter.models().map(({ model, aliases }) => [model, aliases])).toEqual([
      ["mock", []],
      ["mock-text", ["small"]],
      ["blind-1", ["blind"]],
    ]);
    expect(adapter.model("small")).toMatchObject({ model: "mock-text", contextWindow: 100, maxOutputTokens: 10 });
    expect(adapter.model("small")).toEqual(adapter.model("mock-text"));
    expect(supportOf(adapter.model("blind"))).toMatchObject({ IMAGE_INPUT: "NONE", AUDIO_INPUT: "NATIVE" });
    expect(adapter.model("blind").source).toBe("configuration");
  });
});

describe("the check of an instance", () => {
  test("accepts a bare one", () => {
    expect(problems({})).toEqual([]);
  });

  test("refuses what the mock would not use", () => {
    const unused = { baseUrl: "http://127.0.0.1:1", apiKey: new Secret("k"), headers: { a: new Secret("b") } };
    expect(problems(unused)).toEqual(
      ["base_url", "api_key", "headers"].map((field) => `${field} is not used: the mock calls nobody`),
    );
  });

  test("finds bad scripts and unknown quirks where they are", () => {
    expect(problems({ quirks: { script: [{ text: "" }], stutter: true } })).toEqual([
      "quirks.script.0.text.0 must not be empty",
      "quirks.stutter is not known here",
    ]);
    expect(problems({ models: { slow: mockModel("s", { quirks: { scripts: [[], [{ delay_ms: -1 }]] } }) } })).toEqual([
      "models.slow.quirks.scripts.1.0.delay_ms must be a whole number from 0 to 3600000",
    ]);
  });

  test("refuses a script whose model cannot be told from another", () => {
    const quirks = { script: [{ text: "a" }] };
    const message = "models.two.id is also the id of one; a model with a script needs an id of its own";
    expect(problems({ models: { one: mockModel("m", { quirks }), two: mockModel("m") } })).toEqual([message]);
    expect(problems({ models: { one: mockModel("m"), two: mockModel("m", { quirks }) } })).toEqual([message]);
    expect(problems({ models: { one: mockModel("m"), two: mockModel("m") } })).toEqual([]);
  });

  test("is needed: settings that fail it make no adapter", () => {
    expect(() => createMock({ quirks: { script: 7 } })).toThrow(
      "the script in the configuration of pretend is invalid",
    );
  });
});
