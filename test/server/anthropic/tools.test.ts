import { describe, expect, test } from "@jest/globals";
import { ToolChoiceMode } from "../../../src/gen/execution/v1/tools_pb.js";
import { parsed, refused } from "./parse.ts";

const schema = { type: "object", properties: { z: {}, a: {} } };

describe("tools", () => {
  test("of the caller are read field by field", () => {
    const tool = {
      type: "custom",
      name: "look",
      description: "",
      input_schema: schema,
      strict: true,
      eager_input_streaming: false,
      defer_loading: true,
      cache_control: { type: "ephemeral" },
      allowed_callers: ["direct"],
    };
    expect(parsed({ tools: [tool] }).tools).toMatchObject([
      {
        name: "look",
        description: "",
        parametersJson: JSON.stringify(schema),
        strict: true,
        eagerArguments: false,
        deferred: true,
        cacheHint: {},
        providerOptionsJson: { anthropic: '{"allowed_callers":["direct"]}' },
      },
    ]);
    const [bare] = parsed({ tools: [{ name: "look", input_schema: {} }] }).tools;
    expect([bare?.description, bare?.strict, bare?.deferred]).toEqual([undefined, undefined, undefined]);
  });

  test("of the provider are their type and the rest", () => {
    const tools = [{ type: "web_search_20250305", name: "web_search", max_uses: 2, user_location: null }];
    expect(parsed({ tools }).providerTools).toMatchObject([
      { kind: "web_search_20250305", optionsJson: '{"name":"web_search","max_uses":2}' },
    ]);
  });

  test.each([
    [{ name: "look" }, "tools[0].input_schema"],
    [{ input_schema: {} }, "tools[0].name"],
    [{ name: "look", input_schema: [] }, "tools[0].input_schema"],
    [{ name: "look", input_schema: {}, parameters: {} }, "tools[0].parameters"],
    [{ type: 1 }, "tools[0].type"],
  ])("%j is refused at %s", (tool, field) => {
    expect(refused({ tools: [tool] }).field).toBe(field);
  });
});

describe("the choice of tools", () => {
  const { AUTO, NONE, REQUIRED } = ToolChoiceMode;

  test.each([
    [{ type: "auto" }, AUTO, [], undefined],
    [{ type: "any", disable_parallel_tool_use: true }, REQUIRED, [], false],
    [{ type: "tool", name: "look", disable_parallel_tool_use: false }, REQUIRED, ["look"], true],
    [{ type: "none" }, NONE, [], undefined],
  ])("%j", (choice, mode, toolNames, parallel) => {
    const request = parsed({ tool_choice: choice });
    expect(request.toolChoice).toMatchObject({ mode, toolNames });
    expect(request.parallelToolCalls).toBe(parallel);
  });

  test.each([
    ["auto", "tool_choice"],
    [{ type: "tool" }, "tool_choice.name"],
    [{ type: "any", name: "look" }, "tool_choice.name"],
    [{ type: "required" }, "tool_choice.type"],
  ])("%j is refused at %s", (choice, field) => {
    expect(refused({ tool_choice: choice }).field).toBe(field);
  });
});
