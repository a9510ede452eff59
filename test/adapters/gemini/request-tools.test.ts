import { describe, expect, test } from "@jest/globals";
import type { ExecutionError } from "../../../src/errors.ts";
import { ToolChoiceMode } from "../../../src/gen/execution/v1/tools_pb.js";
import { build, refusal } from "./build.ts";

const tool = (name: string, more: { strict?: boolean; eagerArguments?: boolean; parametersJson?: string } = {}) => ({
  name,
  ...more,
});
const calling = (...given: Parameters<typeof build>) =>
  (build(...given).body.toolConfig as { functionCallingConfig?: unknown } | undefined)?.functionCallingConfig;

describe("tools", () => {
  test("of the provider come first, one entry a kind, then all functions in one", () => {
    const tools = [{ name: "f", description: "", parametersJson: '{"type": "object", "x": 1.50}' }, { name: "g" }];
    const providerTools = [
      { kind: "google_search" },
      { kind: "urlContext", optionsJson: "{}" },
      { kind: "mcp_servers", optionsJson: '{"name":"a"}' },
      { kind: "mcpServers", optionsJson: '{"name":"b"}' },
    ];
    const { text } = build({ tools, providerTools });
    expect(text).toContain(
      '"tools":[{"googleSearch":{}},{"urlContext":{}},{"mcpServers":[{"name":"a"},{"name":"b"}]},' +
        '{"functionDeclarations":[{"name":"f","description":"","parametersJsonSchema":{"type": "object", "x": 1.50}},{"name":"g"}]}]',
    );
  });

  test("of both kinds have to be asked for by models that show server-side calls (mutant: always)", () => {
    const both = { tools: [tool("f")], providerTools: [{ kind: "google_search" }] };
    expect(build(both).body.toolConfig).toEqual({ includeServerSideToolInvocations: true });
    expect(build({ ...both, tools: [] }).body).not.toHaveProperty("toolConfig");
    expect(build(both, { model: "gemini-2.5-flash" }).body).not.toHaveProperty("toolConfig");
    expect(build(both, { quirks: { surface: "vertex" } }).body).not.toHaveProperty("toolConfig");
    const no = { gemini: '{"toolConfig":{"includeServerSideToolInvocations":false}}' };
    expect(build({ ...both, providerOptionsJson: no }).body.toolConfig).toEqual({
      includeServerSideToolInvocations: false,
    });
  });

  test("that the surface does not have are refused", () => {
    for (const kind of ["web_search_20250305", "functionDeclarations", "constructor", "retrieval"]) {
      expect(refusal({ providerTools: [{ kind }] })).toMatchObject({ reason: "CAPABILITY_MISSING" });
    }
    expect(refusal({ providerTools: [{ kind: "file_search" }] }, { quirks: { surface: "vertex" } })).toMatchObject({
      reason: "CAPABILITY_MISSING",
    });
    expect(refusal({ providerTools: [{ kind: "google_search", optionsJson: "[]" }] })).toMatchObject({
      reason: "INVALID_FIELD",
    });
  });

  test("have parameters that are an object", () => {
    expect(refusal({ tools: [tool("f", { parametersJson: "true" })] })).toMatchObject({
      extras: { fields: [{ field: "tools[0].parameters_json" }] },
    });
  });
});

describe("tool choice", () => {
  const tools = [tool("f"), tool("g")];
  const choice = (mode: ToolChoiceMode, ...toolNames: string[]) => ({ tools, toolChoice: { mode, toolNames } });

  test.each([
    ["AUTO", choice(ToolChoiceMode.AUTO), { mode: "AUTO" }],
    ["NONE", choice(ToolChoiceMode.NONE, "f"), { mode: "NONE" }],
    ["REQUIRED", choice(ToolChoiceMode.REQUIRED), { mode: "ANY" }],
    ["REQUIRED of some", choice(ToolChoiceMode.REQUIRED, "f"), { mode: "ANY", allowedFunctionNames: ["f"] }],
    ["AUTO of some", choice(ToolChoiceMode.AUTO, "f"), { mode: "VALIDATED", allowedFunctionNames: ["f"] }],
    ["none given", { tools }, undefined],
  ])("%s", (_, request, config) => {
    expect(calling(request)).toEqual(config);
  });

  // Mutants seen red: names not looked at; two functions of one name sent, which Gemini refuses.
  test("of a tool that is not there is refused, and so are two tools of one name", () => {
    const fields = (error: ExecutionError) => error.extras.fields?.map(({ field }) => field);
    expect(fields(refusal(choice(ToolChoiceMode.AUTO, "f", "x")))).toEqual(["tool_choice.tool_names[1]"]);
    expect(fields(refusal({ tools: [tool("f"), tool("f")] }))).toEqual(["tools[1].name"]);
    const servers = { providerTools: [{ kind: "mcp_servers" }] };
    expect(() => build({ ...choice(ToolChoiceMode.AUTO, "x"), ...servers })).not.toThrow();
  });

  test("of some tools sends only these where the model has no mode for it, and says so", () => {
    const { body, ignored } = build(choice(ToolChoiceMode.AUTO, "g"), { model: "gemini-2.0-flash" });
    expect(body).toMatchObject({
      tools: [{ functionDeclarations: [{ name: "g" }] }],
      toolConfig: { functionCallingConfig: { mode: "AUTO" } },
    });
    expect(ignored).toEqual(["tool_choice.tool_names"]);
  });
});

describe("wishes of a tool", () => {
  test("to be held to its schema are met for all tools or none", () => {
    const strict = tool("f", { strict: true });
    expect(calling({ tools: [strict] })).toEqual({ mode: "VALIDATED" });
    expect(calling({ tools: [strict], toolChoice: { mode: ToolChoiceMode.REQUIRED } })).toEqual({ mode: "ANY" });
    expect(build({ tools: [strict, tool("g")] })).toMatchObject({ ignored: ["tools[0].strict"] });
    expect(build({ tools: [strict] }, { model: "gemini-2.0-flash" })).toMatchObject({ ignored: ["tools[0].strict"] });
    expect(build({ tools: [tool("f", { strict: false })] }).ignored).toEqual([]);
  });

  test("to stream its arguments are met by Vertex AI, for all functions or none", () => {
    const tools = [tool("f", { eagerArguments: true }), tool("g", { eagerArguments: false })];
    const vertex = { quirks: { surface: "vertex" } };
    expect(calling({ tools }, vertex)).toEqual({ streamFunctionCallArguments: true });
    expect(build({ tools }, vertex).ignored).toEqual(["tools[1].eager_arguments"]);
    expect(build({ tools }).body).not.toHaveProperty("toolConfig");
    expect(build({ tools }).ignored).toEqual(["tools[0].eager_arguments"]);
  });

  test("to be cached or found are not met, and that is said", () => {
    expect(build({ tools: [{ name: "f", cacheHint: {}, deferred: true }] }).ignored).toEqual([
      "tools[0].cache_hint",
      "tools[0].deferred",
    ]);
  });

  test("in the provider's words are met where they are known", () => {
    const withOptions = (gemini: string) => ({ tools: [{ name: "f", providerOptionsJson: { gemini } }] });
    const options = '{"responseJsonSchema":{"type": "string"},"behavior":"NON_BLOCKING"}';
    expect(build(withOptions(options)).text).toContain(
      '{"name":"f","responseJsonSchema":{"type": "string"},"behavior":"NON_BLOCKING"}',
    );
    expect(refusal(withOptions('{"name":"g"}'))).toMatchObject({
      extras: { fields: [{ field: 'tools[0].provider_options_json["gemini"].name' }] },
    });
  });
});
