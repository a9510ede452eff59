import { readFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { describe, expect, test } from "@jest/globals";
import { withReference } from "../../scripts/configuration-reference.ts";
import { adapterKinds } from "../../src/adapters/index.ts";
import { loadConfig } from "../../src/config/load.ts";
import { ReasoningSchema, type Sampling, SamplingSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { load } from "./load-from.ts";

const root = join(import.meta.dirname, "../..");

describe("docs/configuration.md", () => {
  test("has the reference that the schema gives (node scripts/configuration-reference.ts makes it)", () => {
    const page = readFileSync(join(root, "docs/configuration.md"), "utf8");
    expect(page).toBe(withReference(page));
  });
});

describe("examples/config.yaml", () => {
  const path = join(root, "examples/config.yaml");
  const fileText = readFileSync(path, "utf8");
  const world = {
    cwd: root,
    kinds: adapterKinds,
    fileText,
    readFile: () => undefined,
    listFiles: () => [],
    fileMode: () => undefined,
  };

  test("is good for the kinds there are", async () => {
    const { config, notices } = await loadConfig({ ...world, environment: { EP_OPENAI_API_KEY: "sk-1" } });
    expect(Object.keys(config.providers)).toEqual(["openai", "near"]);
    expect(Object.keys(config.personas)).toEqual(["default", "reviewer"]);
    expect(config.keys.map(({ name }) => name)).toEqual(["ci"]);
    expect(notices).toEqual([]);
  });

  test("needs nothing but the key it names", async () => {
    await expect(loadConfig({ ...world, environment: {} })).rejects.toThrow(
      /one problem:\n {2}execution-platform\.yaml:\d+:\d+: providers\.openai\.api_key: the variable EP_OPENAI_API_KEY is not set/,
    );
  });
});

describe("sampling of a persona", () => {
  const validator = createValidator();
  const edges: readonly (readonly [string, keyof Sampling, readonly number[]])[] = [
    ["max_output_tokens", "maxOutputTokens", [0, 1, 2 ** 32 - 1]],
    ["temperature", "temperature", [-0.1, 0, 2, 2.1]],
    ["top_p", "topP", [-0.1, 0, 1, 1.1]],
    ["top_k", "topK", [0, 1]],
    ["frequency_penalty", "frequencyPenalty", [-2.1, -2, 2, 2.1]],
    ["presence_penalty", "presencePenalty", [-2.1, -2, 2, 2.1]],
    ["top_logprobs", "topLogprobs", [0, 50, 51]],
    ["min_p", "minP", [-0.1, 0, 1, 1.1]],
    ["repetition_penalty", "repetitionPenalty", [-1, 0, 0.1, 5]],
  ];

  test.each(edges)("has the contract's bounds of %s", async (key, field, values) => {
    for (const value of values) {
      const good = validator.validate(SamplingSchema, create(SamplingSchema, { [field]: value })).kind === "valid";
      const file = `personas: { default: { sampling: { ${key}: ${value} } } }`;
      const taken = await load({ file }).then(
        () => true,
        () => false,
      );
      expect([value, taken]).toEqual([value, good]);
    }
  });

  test("has the contract's bounds of stop and logit_bias", async () => {
    const takes = (sampling: string): Promise<boolean> =>
      load({ file: `personas: { default: { sampling: { ${sampling} } } }` }).then(
        () => true,
        () => false,
      );
    const allows = (sampling: Partial<Pick<Sampling, "stop" | "logitBias">>): boolean =>
      validator.validate(SamplingSchema, create(SamplingSchema, sampling)).kind === "valid";
    for (const count of [64, 65]) {
      const stop = Array.from({ length: count }, () => "x");
      expect([count, await takes(`stop: [${stop.join(", ")}]`)]).toEqual([count, allows({ stop })]);
    }
    expect([await takes('stop: [""]'), allows({ stop: [""] })]).toEqual([false, false]);
    for (const bias of [-100.5, -100, 100, 100.5]) {
      expect([bias, await takes(`logit_bias: { 1: ${bias} }`)]).toEqual([bias, allows({ logitBias: { 1: bias } })]);
    }
  });

  test("has a key for every field of the contract", async () => {
    const page = readFileSync(join(root, "docs/configuration.md"), "utf8");
    for (const { name } of SamplingSchema.fields) expect(page).toContain(`\`defaults.sampling.${name}\``);
    for (const { name } of ReasoningSchema.fields) expect(page).toContain(`\`defaults.reasoning.${name}\``);
  });
});
