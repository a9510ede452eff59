import { describe, expect, test } from "@jest/globals";
import { ReasoningEffort, ReasoningSummary } from "../../../src/gen/execution/v1/chat_pb.js";
import { build } from "./build.ts";

type Reasoning = NonNullable<Parameters<typeof build>[0]["reasoning"]>;

function thinking(model: string, reasoning: Reasoning) {
  const { body, ignored } = build({ reasoning }, { model });
  return [(body.generationConfig as { thinkingConfig?: unknown } | undefined)?.thinkingConfig, ignored];
}

const { NONE, MINIMAL, LOW, MEDIUM, HIGH, MAX } = ReasoningEffort;

describe("thinking", () => {
  test.each([
    ["gemini-3-flash-preview", { effort: MINIMAL }, { thinkingLevel: "minimal" }, []],
    ["gemini-3-flash-preview", { effort: MEDIUM }, { thinkingLevel: "medium" }, []],
    ["gemini-3-pro-preview", { effort: MEDIUM }, { thinkingLevel: "low" }, ["reasoning.effort"]],
    ["gemini-3.1-pro-preview", { effort: MINIMAL }, { thinkingLevel: "low" }, ["reasoning.effort"]],
    ["gemini-3.1-pro-preview", { effort: MAX }, { thinkingLevel: "high" }, ["reasoning.effort"]],
    ["gemini-3.8-flash", { effort: NONE }, { thinkingLevel: "low" }, ["reasoning.effort"]],
    ["gemini-3.8-flash", { enabled: false }, { thinkingLevel: "low" }, ["reasoning.enabled"]],
    ["gemini-3.8-flash", { enabled: true }, undefined, []],
    ["gemini-3.8-flash", { tokenBudget: 100, effort: LOW }, { thinkingBudget: 100 }, []],
    ["gemini-9-new", { effort: HIGH }, { thinkingLevel: "high" }, []],
    ["gemini-2.5-flash", { effort: LOW }, { thinkingBudget: 1024 }, []],
    ["gemini-2.5-flash", { effort: MEDIUM }, { thinkingBudget: 8192 }, []],
    ["gemini-2.5-pro", { effort: HIGH }, { thinkingBudget: 24_576 }, []],
    ["gemini-2.5-flash", { effort: NONE }, { thinkingBudget: 0 }, []],
    ["gemini-2.5-flash-lite", { enabled: false }, { thinkingBudget: 0 }, []],
    ["gemini-2.5-flash-lite", { enabled: true }, { thinkingBudget: -1 }, []],
    ["gemini-2.5-flash", { tokenBudget: 5000, effort: HIGH, enabled: true }, { thinkingBudget: 5000 }, []],
    ["gemini-2.5-pro", { effort: NONE }, undefined, ["reasoning.effort"]],
    ["gemini-2.5-pro", { tokenBudget: 2 ** 31 }, undefined, ["reasoning.token_budget"]],
    ["gemini-2.0-flash", { effort: HIGH }, undefined, ["reasoning.effort"]],
    ["gemini-2.0-flash", { effort: NONE, enabled: false }, undefined, []],
    ["gemini-2.0-flash", { enabled: true, tokenBudget: 5 }, undefined, ["reasoning.token_budget", "reasoning.enabled"]],
  ] as const)("of %s asked for %j is %j", (model, reasoning, config, ignored) => {
    expect(thinking(model, reasoning)).toEqual([config, ignored]);
  });

  test("is shown where its summary is wanted", () => {
    for (const model of ["gemini-3.5-flash", "gemini-2.5-pro", "gemini-2.0-flash-thinking-exp"]) {
      expect(thinking(model, { summary: ReasoningSummary.AUTO })).toEqual([{ includeThoughts: true }, []]);
      expect(thinking(model, { summary: ReasoningSummary.NONE })).toEqual([{ includeThoughts: false }, []]);
    }
  });

  test("keeps what it is sent back", () => {
    expect(thinking("gemini-3.5-flash", { discardPrevious: true })).toEqual([
      undefined,
      ["reasoning.discard_previous"],
    ]);
  });
});
