import { describe, expect, test } from "@jest/globals";
import { ToolChoiceMode } from "../../../src/gen/execution/v1/tools_pb.js";
import { parseChatCompletion } from "../../../src/server/openai/chat-completions.ts";
import { parsed, refused } from "./parse.ts";

const schema = '{ "z": {"const": 12345678901234567890}, "1": 1.10 }';
const withTools = (tools: string) =>
  parseChatCompletion(`{"model":"m","messages":[{"role":"user","content":"x"}],"tools":${tools}}`).request;

describe("tools", () => {
  test("keep their schema as it was written", () => {
    const request = withTools(
      `[{"type":"function","function":{"name":"f","description":"","parameters":${schema},"strict":false}}]`,
    );
    expect(request.tools).toMatchObject([{ name: "f", description: "", parametersJson: schema, strict: false }]);
  });

  test("need no type to be functions, and may take free text", () => {
    const { tools } = parsed({
      tools: [
        { function: { name: "f" }, cache_control: { type: "ephemeral" }, eager_input_streaming: true },
        {
          type: "custom",
          custom: { name: "g", format: { type: "grammar", grammar: { syntax: "lark", definition: "d" } } },
        },
        { type: "custom", custom: { name: "h" } },
      ],
    });
    expect(tools).toMatchObject([
      { name: "f", parametersJson: "", cacheHint: {}, eagerArguments: true },
      { name: "g", freeForm: { grammar: { syntax: "lark", definition: "d" } } },
      { name: "h", freeForm: {} },
    ]);
    expect(tools[0]?.description).toBeUndefined();
  });

  test("of any other type are the provider's, with their options as written", () => {
    const request = withTools('[{"type":"openrouter:web_search","parameters":{"n":1.0}},{"type":"web_fetch"}]');
    expect(request.tools).toEqual([]);
    expect(request.providerTools).toMatchObject([
      { kind: "openrouter:web_search", optionsJson: '{"parameters":{"n":1.0}}' },
      { kind: "web_fetch", optionsJson: "" },
    ]);
    expect(parsed({ web_search_options: { search_context_size: "low" } }).providerTools).toMatchObject([
      { kind: "web_search", optionsJson: '{"search_context_size":"low"}' },
    ]);
  });

  test.each([
    [[{ type: "function", function: {} }], "tools[0].function.name"],
    [[{ type: "function", function: { name: "f", parameters: "{}" } }], "tools[0].function.parameters"],
    [[{ type: "function", function: { name: "f" }, extra: 1 }], "tools[0].extra"],
    [[{ type: "custom", custom: { name: "f", format: { type: "json" } } }], "tools[0].custom.format.type"],
    [{}, "tools"],
  ])("%j are refused at %s", (tools, field) => {
    expect(refused({ tools }).field).toBe(field);
  });
});

describe("tool choice", () => {
  test.each([
    ["auto", ToolChoiceMode.AUTO, []],
    ["none", ToolChoiceMode.NONE, []],
    ["required", ToolChoiceMode.REQUIRED, []],
    ["any", ToolChoiceMode.REQUIRED, []],
    [{ type: "function", function: { name: "f" } }, ToolChoiceMode.REQUIRED, ["f"]],
    [{ type: "custom", custom: { name: "g" } }, ToolChoiceMode.REQUIRED, ["g"]],
    [
      {
        type: "allowed_tools",
        allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "f" } }] },
      },
      ToolChoiceMode.AUTO,
      ["f"],
    ],
  ])("%j is read", (choice, mode, toolNames) => {
    expect(parsed({ tool_choice: choice }).toolChoice).toMatchObject({ mode, toolNames });
  });

  test("of another kind is refused", () => {
    expect(refused({ tool_choice: "maybe" }).field).toBe("tool_choice");
    expect(refused({ tool_choice: { type: "function" } }).field).toBe("tool_choice.function");
  });
});

describe("response format", () => {
  test("is read, the schema as it was written", () => {
    expect(parsed({ response_format: { type: "json_object", json_schema: null } }).responseFormat?.format.case).toBe(
      "json",
    );
    expect(parsed({ response_format: { type: "text" } }).responseFormat?.format.case).toBe("text");
    const body = `{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema","json_schema":{"name":"r","schema":${schema},"strict":true}}}`;
    expect(parseChatCompletion(body).request.responseFormat?.format).toMatchObject({
      case: "jsonSchema",
      value: { name: "r", schemaJson: schema, strict: true },
    });
  });

  test("without its schema is refused", () => {
    expect(refused({ response_format: { type: "json_schema" } }).field).toBe("response_format.json_schema");
    expect(refused({ response_format: { type: "json_schema", json_schema: { name: "r" } } }).field).toBe(
      "response_format.json_schema.schema",
    );
    expect(refused({ response_format: "json" }).field).toBe("response_format");
  });
});
