import { describe, expect, test } from "@jest/globals";
import { CacheTtl } from "../../../src/gen/execution/v1/content_pb.js";
import { ToolChoiceMode } from "../../../src/gen/execution/v1/tools_pb.js";
import { build, refusal } from "./build.ts";

const schema = '{"type":"object","properties":{"b":{"maximum":12345678901234567890},"1":{"const":1.10}}}';

describe("tools of the caller", () => {
  test("keep their schema's digits and key order", () => {
    const { text, body } = build({ tools: [{ name: "f", description: "", parametersJson: schema, strict: true }] });
    expect(text).toContain(`"parameters":${schema}`);
    expect(body.tools).toMatchObject([{ type: "function", function: { name: "f", description: "", strict: true } }]);
  });

  test("say nothing that was not said", () => {
    expect(build({ tools: [{ name: "f" }] }).body.tools).toEqual([{ type: "function", function: { name: "f" } }]);
  });

  test("have a schema of no parameters where the server wants one", () => {
    expect(build({ tools: [{ name: "f" }] }, { vendor: "mistral" }).body.tools).toEqual([
      { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } },
    ]);
  });

  test("cannot smuggle fields into the body", () => {
    for (const parametersJson of ['{"a":1},"n":2', "[]", "{", "null", '"x"']) {
      const error = refusal({ tools: [{ name: "f", parametersJson }] });
      expect(error.extras.fields?.[0]?.field).toBe("tools[0].parameters_json");
    }
  });

  test("take free text under a grammar, where the server knows such tools", () => {
    const tools = [{ name: "f", freeForm: { grammar: { syntax: "lark", definition: "start: x" } } }];
    expect(build({ tools }).body.tools).toEqual([
      {
        type: "custom",
        custom: { name: "f", format: { type: "grammar", grammar: { syntax: "lark", definition: "start: x" } } },
      },
    ]);
    expect(refusal({ tools }, { vendor: "mistral" }).reason).toBe("CAPABILITY_MISSING");
  });

  test("are sent though they were to be deferred, and have no options of this kind", () => {
    const { body, ignored } = build({
      tools: [{ name: "f", deferred: true, providerOptionsJson: { anthropic: "{}" } }],
    });
    expect(body.tools).toEqual([{ type: "function", function: { name: "f" } }]);
    expect(ignored).toEqual(["tools[0].deferred"]);
    const error = refusal({ tools: [{ name: "f", providerOptionsJson: { openai: '{"x":1}' } }] });
    expect(error.extras.fields?.[0]?.field).toBe('tools[0].provider_options_json["openai"].x');
  });

  test("carry cache hints and eager arguments, or warn", () => {
    const tools = [{ name: "f", cacheHint: { ttl: CacheTtl.FIVE_MINUTES }, eagerArguments: true }];
    expect(build({ tools }, { vendor: "openrouter" }).body.tools).toMatchObject([
      { cache_control: { type: "ephemeral", ttl: "5m" }, eager_input_streaming: true },
    ]);
    expect(build({ tools }).ignored).toEqual(["tools[0].eager_arguments", "tools[0].cache_hint"]);
  });
});

describe("tools of the provider", () => {
  test("are web_search_options at OpenAI", () => {
    const providerTools = [{ kind: "web_search", optionsJson: '{"search_context_size":"low"}' }];
    expect(build({ providerTools }).body).toMatchObject({ web_search_options: { search_context_size: "low" } });
    expect(build({ providerTools: [{ kind: "web_search" }] }).body.web_search_options).toEqual({});
    expect(refusal({ providerTools: [{ kind: "code" }] }).extras.preconditions?.[0]?.subject).toBe("PROVIDER_TOOLS");
  });

  test("stand among the tools at OpenRouter, by their kind and options", () => {
    const providerTools = [{ kind: "openrouter:web_search", optionsJson: '{"parameters":{"max_uses":1}}' }];
    expect(build({ tools: [{ name: "f" }], providerTools }, { vendor: "openrouter" }).body.tools).toEqual([
      { type: "function", function: { name: "f" } },
      { type: "openrouter:web_search", parameters: { max_uses: 1 } },
    ]);
    const typed = [{ kind: "a", optionsJson: '{"type":"b"}' }];
    expect(refusal({ providerTools: typed }, { vendor: "openrouter" }).reason).toBe("INVALID_FIELD");
  });
});

describe("tool choice", () => {
  const tools = [{ name: "f" }, { name: "g" }, { name: "h", freeForm: {} }];
  const choice = (mode: ToolChoiceMode, toolNames: string[] = [], target = {}) =>
    build({ tools, toolChoice: { mode, toolNames } }, target).body.tool_choice;

  test("is a word, in the server's own language", () => {
    expect(choice(ToolChoiceMode.AUTO)).toBe("auto");
    expect(choice(ToolChoiceMode.NONE)).toBe("none");
    expect(choice(ToolChoiceMode.REQUIRED)).toBe("required");
    expect(build({ toolChoice: { mode: ToolChoiceMode.REQUIRED } }, { vendor: "mistral" }).body.tool_choice).toBe(
      "any",
    );
    expect(choice(ToolChoiceMode.UNSPECIFIED)).toBeUndefined();
  });

  test("forces one named tool", () => {
    expect(choice(ToolChoiceMode.REQUIRED, ["f"])).toEqual({ type: "function", function: { name: "f" } });
    expect(choice(ToolChoiceMode.REQUIRED, ["h"])).toEqual({ type: "custom", custom: { name: "h" } });
  });

  // Mutant seen red: names not looked at, so that no tools at all were sent where the server takes no list.
  test("of a tool that is not there is refused", () => {
    for (const vendor of ["openai", "groq"]) {
      for (const mode of [ToolChoiceMode.AUTO, ToolChoiceMode.REQUIRED]) {
        const error = refusal({ tools, toolChoice: { mode, toolNames: ["x"] } }, { vendor });
        expect(error).toMatchObject({
          reason: "INVALID_FIELD",
          extras: { fields: [{ field: "tool_choice.tool_names[0]" }] },
        });
      }
    }
  });

  test("lists allowed tools where the server takes a list, and sends no others where not", () => {
    expect(choice(ToolChoiceMode.AUTO, ["f", "h"])).toEqual({
      type: "allowed_tools",
      allowed_tools: {
        mode: "auto",
        tools: [
          { type: "function", function: { name: "f" } },
          { type: "custom", custom: { name: "h" } },
        ],
      },
    });
    const narrowed = build(
      { tools: [{ name: "f" }, { name: "g" }], toolChoice: { mode: ToolChoiceMode.AUTO, toolNames: ["g"] } },
      { vendor: "groq" },
    );
    expect(narrowed.body).toMatchObject({ tools: [{ function: { name: "g" } }], tool_choice: "auto" });
    expect(narrowed.ignored).toEqual(["tool_choice.tool_names"]);
  });
});

describe("response format", () => {
  const json = { format: { case: "json" as const, value: {} } };
  const strict = { format: { case: "jsonSchema" as const, value: { name: "r", schemaJson: schema, strict: true } } };

  test("is what was asked for, the schema untouched", () => {
    expect(build({ responseFormat: json }).body.response_format).toEqual({ type: "json_object" });
    expect(build({ responseFormat: strict }).text).toContain(
      `"response_format":{"type":"json_schema","json_schema":{"name":"r","schema":${schema},"strict":true}}`,
    );
    const text = { format: { case: "text" as const, value: {} } };
    expect(build({ responseFormat: text }).body.response_format).toEqual({ type: "text" });
  });

  test("fails where the server has no such form", () => {
    expect(refusal({ responseFormat: strict }, { vendor: "deepseek" }).extras.preconditions?.[0]?.subject).toBe(
      "JSON_SCHEMA",
    );
    expect(refusal({ responseFormat: json }, { vendor: "perplexity" }).extras.preconditions?.[0]?.subject).toBe(
      "JSON_MODE",
    );
  });
});
