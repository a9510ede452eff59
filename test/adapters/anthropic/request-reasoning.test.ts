import { describe, expect, test } from "@jest/globals";
import { ReasoningEffort, ReasoningSummary } from "../../../src/gen/execution/v1/chat_pb.js";
import { ToolChoiceMode } from "../../../src/gen/execution/v1/tools_pb.js";
import { build, type Target } from "./build.ts";

const { NONE, MINIMAL, MEDIUM, HIGH, XHIGH, MAX } = ReasoningEffort;

/** Models by how they think. */
const cannot: Target = { model: "claude-3-haiku-20240307" };
const budget: Target = { model: "claude-haiku-4-5" };
const budgetAndEffort: Target = { model: "claude-opus-4-5" };
const either: Target = { model: "claude-sonnet-4-6" };
const adaptive: Target = { model: "claude-opus-4-8" };
const habitual: Target = { model: "claude-opus-5" };
const always: Target = { model: "claude-opus-5-5" };
const betweenTools: Target = { model: "claude-sonnet-5-5" };

type Reasoning = NonNullable<Parameters<typeof build>[0]["reasoning"]>;

function think(reasoning: Reasoning, target: Target, maxOutputTokens = 10_000) {
  const { body, warned } = build({ reasoning, sampling: { maxOutputTokens } }, target);
  return { thinking: body.thinking, effort: (body.output_config as { effort?: string } | undefined)?.effort, warned };
}

describe("thinking", () => {
  test.each<[string, Reasoning, Target, unknown, string | undefined, string[]]>([
    ["a budget", { enabled: true, tokenBudget: 2000 }, budget, { type: "enabled", budget_tokens: 2000 }, undefined, []],
    ["a budget", { tokenBudget: 2000 }, either, { type: "enabled", budget_tokens: 2000 }, undefined, []],
    ["a budget", { tokenBudget: 2000 }, adaptive, { type: "adaptive" }, undefined, ["reasoning.token_budget"]],
    ["a budget", { tokenBudget: 2000 }, cannot, undefined, undefined, ["reasoning.token_budget"]],
    ["no budget", { tokenBudget: 0 }, budget, { type: "disabled" }, undefined, []],
    ["the switch", { enabled: true }, budget, { type: "enabled", budget_tokens: 5000 }, undefined, []],
    ["the switch", { enabled: true }, either, { type: "adaptive" }, undefined, []],
    ["the switch off", { enabled: false }, either, { type: "disabled" }, undefined, []],
    ["the switch off", { enabled: false }, betweenTools, { type: "between_tools" }, undefined, []],
    ["the switch off", { enabled: false }, always, undefined, undefined, ["reasoning.enabled"]],
    ["the switch off", { enabled: false }, cannot, undefined, undefined, []],
    ["an effort", { effort: MEDIUM }, adaptive, undefined, "medium", []],
    ["an effort", { effort: HIGH }, budget, { type: "enabled", budget_tokens: 8000 }, undefined, []],
    ["an effort", { effort: HIGH }, budgetAndEffort, undefined, "high", []],
    ["an effort", { effort: HIGH }, cannot, undefined, undefined, ["reasoning.effort"]],
    ["the least effort", { effort: MINIMAL }, adaptive, undefined, "low", []],
    ["an effort unknown", { effort: XHIGH }, either, undefined, "high", ["FIELD_CHANGED reasoning.effort"]],
    ["an effort unknown", { effort: MAX }, budgetAndEffort, undefined, "high", ["FIELD_CHANGED reasoning.effort"]],
    ["no effort", { effort: NONE }, habitual, { type: "disabled" }, undefined, []],
    ["no effort", { effort: NONE }, always, undefined, undefined, ["reasoning.effort"]],
    ["off and effort", { enabled: false, effort: HIGH }, habitual, { type: "disabled" }, "high", []],
    [
      "off and too much effort",
      { enabled: false, effort: MAX },
      habitual,
      { type: "disabled" },
      "high",
      ["FIELD_CHANGED reasoning.effort"],
    ],
    [
      "budget and effort",
      { tokenBudget: 2000, effort: MEDIUM },
      budgetAndEffort,
      { type: "enabled", budget_tokens: 2000 },
      "medium",
      [],
    ],
  ])("asked for by %s %j of %j is %j, effort %j", (_what, reasoning, target, thinking, effort, warned) => {
    expect(think(reasoning, target)).toEqual({ thinking, effort, warned });
  });

  test("has a budget within its bounds", () => {
    expect(think({ tokenBudget: 10 }, budget)).toMatchObject({
      thinking: { budget_tokens: 1024 },
      warned: ["FIELD_CHANGED reasoning.token_budget"],
    });
    expect(think({ tokenBudget: 4000 }, budget, 2000)).toMatchObject({
      thinking: { budget_tokens: 1999 },
      warned: ["FIELD_CHANGED reasoning.token_budget"],
    });
    expect(think({ tokenBudget: 4000 }, budget, 1024)).toEqual({
      thinking: undefined,
      effort: undefined,
      warned: ["reasoning.token_budget"],
    });
    expect(think({ effort: MINIMAL }, budget, 2000)).toMatchObject({ thinking: { budget_tokens: 1024 }, warned: [] });
  });

  test("is shown as asked", () => {
    expect(think({ enabled: true, summary: ReasoningSummary.AUTO }, either).thinking).toEqual({
      type: "adaptive",
      display: "summarized",
    });
    expect(think({ tokenBudget: 2000, summary: ReasoningSummary.NONE }, budget).thinking).toEqual({
      type: "enabled",
      budget_tokens: 2000,
      display: "omitted",
    });
    expect(think({ summary: ReasoningSummary.AUTO }, always).thinking).toEqual({
      type: "adaptive",
      display: "summarized",
    });
    expect(think({ summary: ReasoningSummary.AUTO }, either).warned).toEqual(["reasoning.summary"]);
    expect(think({ enabled: false, summary: ReasoningSummary.AUTO }, either).warned).toEqual(["reasoning.summary"]);
    expect(think({ enabled: true, summary: ReasoningSummary.DETAILED }, either).warned).toEqual([
      "FIELD_CHANGED reasoning.summary",
    ]);
  });

  test("with a budget gives way to a call that is forced, and without one does not", () => {
    const request = {
      tools: [{ name: "look" }],
      toolChoice: { mode: ToolChoiceMode.REQUIRED },
      reasoning: { enabled: true },
    };
    expect(build(request, budget).body).not.toHaveProperty("thinking");
    expect(build(request, budget).warned).toEqual(["reasoning.enabled"]);
    expect(build(request, either).body.thinking).toEqual({ type: "adaptive" });
  });

  test("of earlier turns is not dropped by this field", () => {
    expect(think({ discardPrevious: true }, either).warned).toEqual(["reasoning.discard_previous"]);
  });
});

describe("sampling", () => {
  const sampling = { temperature: 0.5, topP: 0.9, topK: 5 };

  test.each<[Target, object, string[]]>([
    [{ model: "claude-sonnet-4-20250514" }, { temperature: 0.5, top_p: 0.9, top_k: 5 }, []],
    [{ model: "claude-sonnet-4-6" }, { temperature: 0.5, top_k: 5 }, ["sampling.top_p"]],
    [{ model: "claude-opus-4-7" }, {}, ["sampling.temperature", "sampling.top_p", "sampling.top_k"]],
    [{ model: "some-model" }, { temperature: 0.5, top_p: 0.9, top_k: 5 }, []],
  ])("of %j is %j (mutant: sent to every model)", (target, sent, warned) => {
    const built = build({ sampling }, target);
    const { temperature, top_p, top_k } = built.body;
    expect(JSON.parse(JSON.stringify({ temperature, top_p, top_k }))).toEqual(sent);
    expect(built.warned).toEqual(warned);
  });

  test("is what the API fixes while the model thinks", () => {
    const reasoning = { enabled: true };
    expect(build({ reasoning, sampling }, { model: "claude-sonnet-4-20250514" }).warned).toEqual([
      "sampling.temperature",
      "sampling.top_p",
      "sampling.top_k",
    ]);
    const fixed = build({ reasoning, sampling: { temperature: 1, topP: 0.95 } }, { model: "claude-sonnet-4-20250514" });
    expect(fixed.body).toMatchObject({ temperature: 1, top_p: 0.95 });
    expect(fixed.warned).toEqual([]);
  });

  test("is at most as hot as the API goes", () => {
    const { body, warned } = build({ sampling: { temperature: 1.5 } });
    expect(body.temperature).toBe(1);
    expect(warned).toEqual(["FIELD_CHANGED sampling.temperature"]);
  });

  test("goes without what the wire has no field for", () => {
    const lacking = {
      seed: 1n,
      minP: 0.1,
      frequencyPenalty: 1,
      presencePenalty: 1,
      repetitionPenalty: 1.1,
      logitBias: { 1: 1 },
      logprobs: true,
      topLogprobs: 2,
    };
    const { body, warned } = build({ sampling: { ...lacking, stop: ["END"] } });
    expect(Object.keys(body)).toEqual(["model", "max_tokens", "messages", "stop_sequences"]);
    expect(warned).toHaveLength(8);
  });
});
