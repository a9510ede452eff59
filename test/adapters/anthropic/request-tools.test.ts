import { describe, expect, test } from "@jest/globals";
import { CacheTtl } from "../../../src/gen/execution/v1/content_pb.js";
import { ToolChoiceMode } from "../../../src/gen/execution/v1/tools_pb.js";
import { build, refusal } from "./build.ts";

const look = { name: "look" };
const touch = { name: "touch" };
const { AUTO, NONE, REQUIRED } = ToolChoiceMode;

describe("tools", () => {
  // Mutant seen red: names looked up without asking whether they are the table's own, which wrote a body that is no JSON.
  test.each(["constructor", "toString", "__proto__"])("that the provider runs may be called %s", (kind) => {
    expect(build({ providerTools: [{ kind }] }).body.tools).toEqual([{ type: kind, name: kind }]);
  });

  test("go out with what they say, digits and key order kept", () => {
    const schema = '{"type":"object","properties":{"z":{"type":"integer","maximum":9007199254740993},"a":{}}}';
    const tool = {
      name: "look",
      description: "",
      parametersJson: schema,
      strict: true,
      eagerArguments: false,
      deferred: true,
      cacheHint: { ttl: CacheTtl.FIVE_MINUTES },
      providerOptionsJson: { anthropic: '{"allowed_callers":["direct"]}', openai: "not read here" },
    };
    expect(build({ tools: [tool] }).text).toContain(
      `"tools":[{"name":"look","description":"","input_schema":${schema},"strict":true,"eager_input_streaming":false,` +
        '"defer_loading":true,"cache_control":{"type":"ephemeral","ttl":"5m"},"allowed_callers":["direct"]}]',
    );
  });

  test("have a schema that says object, as the wire demands", () => {
    const tools = [look, { name: "touch", parametersJson: '{"properties":{}}' }];
    expect(build({ tools }).body.tools).toEqual([
      { name: "look", input_schema: { type: "object" } },
      { name: "touch", input_schema: { type: "object", properties: {} } },
    ]);
  });

  test.each([
    [{ ...look, freeForm: {} }, "CAPABILITY_MISSING tools[0].free_form"],
    [{ ...look, parametersJson: "[]" }, "INVALID_FIELD tools[0].parameters_json"],
    [
      { ...look, providerOptionsJson: { anthropic: '{"name":"other"}' } },
      'INVALID_FIELD tools[0].provider_options_json["anthropic"].name',
    ],
  ])("that cannot go are refused: %j", (tool, error) => {
    expect(refusal({ tools: [tool] })).toBe(error);
  });

  test("of the provider go by their type, options as they are; a name is filled in, and a date where there is none", () => {
    const providerTools = [
      { kind: "web_search_20260318", optionsJson: '{"name":"web_search","max_uses":1}' },
      { kind: "web_search", optionsJson: '{"max_uses":1}' },
      { kind: "text_editor_20250728" },
      { kind: "mcp_toolset", optionsJson: '{"mcp_server_name":"s"}' },
      { kind: "computer_toolset_20260801" },
    ];
    expect(build({ tools: [look], providerTools }).body.tools).toEqual([
      { name: "look", input_schema: { type: "object" } },
      { type: "web_search_20260318", name: "web_search", max_uses: 1 },
      { type: "web_search_20250305", name: "web_search", max_uses: 1 },
      { type: "text_editor_20250728", name: "str_replace_based_edit_tool" },
      { type: "mcp_toolset", mcp_server_name: "s" },
      { type: "computer_toolset_20260801" },
    ]);
    expect(refusal({ providerTools: [{ kind: "x", optionsJson: "[]" }] })).toBe(
      "INVALID_FIELD provider_tools[0].options_json",
    );
    expect(refusal({ providerTools: [{ kind: "x", optionsJson: '{"type":"y"}' }] })).toBe(
      "INVALID_FIELD provider_tools[0].options_json",
    );
  });
});

// Mutant seen red: sent, and refused by the server.
test("two tools of one name are refused", () => {
  expect(refusal({ tools: [look, touch, look] })).toBe("INVALID_FIELD tools[2].name");
});

describe("the choice of tools", () => {
  test.each([
    [{ mode: AUTO }, undefined, { type: "auto" }],
    [{ mode: NONE }, undefined, { type: "none" }],
    [{ mode: REQUIRED }, undefined, { type: "any" }],
    [{ mode: REQUIRED, toolNames: ["look"] }, undefined, { type: "tool", name: "look" }],
    [{ mode: REQUIRED }, false, { type: "any", disable_parallel_tool_use: true }],
    [undefined, false, { type: "auto", disable_parallel_tool_use: true }],
    [undefined, true, undefined],
  ])("%j with parallel calls %j is %j", (toolChoice, parallel, choice) => {
    const { body, warned } = build({
      tools: [look, touch],
      ...(toolChoice !== undefined && { toolChoice }),
      ...(parallel !== undefined && { parallelToolCalls: parallel }),
    });
    expect(body.tool_choice).toEqual(choice);
    expect(warned).toEqual([]);
  });

  test("of some names sends these tools only", () => {
    const toolChoice = { mode: AUTO, toolNames: ["touch"] };
    const { body, warned } = build({ tools: [look, touch], toolChoice });
    expect(body.tools).toMatchObject([{ name: "touch" }]);
    expect(body.tool_choice).toEqual({ type: "auto" });
    expect(warned).toEqual(["FIELD_CHANGED tool_choice.tool_names"]);
  });

  // Mutants seen red: names not looked at, so that AUTO sent no tools at all and REQUIRED one that is not there.
  test.each([AUTO, REQUIRED, ToolChoiceMode.UNSPECIFIED])(
    "of a tool that is not there is refused (mode %s)",
    (mode) => {
      const choice = (...toolNames: string[]) => ({ tools: [look, touch], toolChoice: { mode, toolNames } });
      expect(refusal(choice("taste"))).toBe("INVALID_FIELD tool_choice.tool_names[0]");
      expect(refusal(choice("look", "taste"))).toBe("INVALID_FIELD tool_choice.tool_names[1]");
      expect(build({ ...choice("web_search"), providerTools: [{ kind: "web_search_20260318" }] }).warned).toHaveLength(
        mode === REQUIRED ? 0 : 1,
      );
      const server = { kind: "mcp_toolset", optionsJson: '{"mcp_server_name":"s"}' };
      expect(() => build({ ...choice("taste"), providerTools: [server] })).not.toThrow();
    },
  );

  test("of no tool asks for none", () => {
    expect(build({ tools: [look], toolChoice: { mode: NONE, toolNames: ["taste"] } }).body.tool_choice).toEqual({
      type: "none",
    });
  });

  test("without tools is no choice", () => {
    expect(build({ toolChoice: { mode: AUTO }, parallelToolCalls: false }).warned).toEqual([
      "tool_choice",
      "parallel_tool_calls",
    ]);
    expect(refusal({ toolChoice: { mode: REQUIRED } })).toBe("INVALID_FIELD tool_choice");
  });

  test("cannot force a call on models that refuse it (mutant: sent as auto)", () => {
    const request = { tools: [look], toolChoice: { mode: REQUIRED } };
    for (const model of ["claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-1"]) {
      expect(refusal(request, { model })).toBe("CAPABILITY_MISSING tool_choice.mode");
    }
    expect(build(request, { model: "claude-haiku-5-5" }).body.tool_choice).toEqual({ type: "any" });
  });
});

describe("the form of the answer", () => {
  test("is a schema or plain text", () => {
    const schemaJson = '{"type":"object","properties":{}}';
    const schema = { name: "n", description: "d", schemaJson, strict: false };
    const { text, warned } = build({ responseFormat: { format: { case: "jsonSchema", value: schema } } });
    expect(text).toContain(`"output_config":{"format":{"type":"json_schema","schema":${schemaJson}}}`);
    expect(warned).toEqual(["response_format.json_schema.description", "response_format.json_schema.strict"]);
    expect(build({ responseFormat: { format: { case: "text", value: {} } } }).body).not.toHaveProperty("output_config");
    expect(refusal({ responseFormat: { format: { case: "json", value: {} } } })).toBe(
      "CAPABILITY_MISSING response_format.json",
    );
    expect(refusal({ responseFormat: { format: { case: "jsonSchema", value: { schemaJson: "{" } } } })).toBe(
      "INVALID_FIELD response_format.json_schema.schema_json",
    );
  });
});
