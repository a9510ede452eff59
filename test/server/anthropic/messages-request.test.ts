import { describe, expect, test } from "@jest/globals";
import { ReasoningEffort, ReasoningSummary } from "../../../src/gen/execution/v1/chat_pb.js";
import { CacheTtl } from "../../../src/gen/execution/v1/content_pb.js";
import { parseMessages } from "../../../src/server/anthropic/messages-request.ts";
import { parsed, refused } from "./parse.ts";

const minimal = '{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}';

describe("a messages body", () => {
  test("needs a model, a bound and messages, and no more", () => {
    const { request, stream } = parseMessages(minimal);
    expect([request.model, request.sampling?.maxOutputTokens, stream]).toEqual(["m", 1, false]);
    expect(request.messages).toHaveLength(1);
    expect(request.reasoning).toBeUndefined();
    expect(request.providerOptionsJson).toEqual({});
    for (const field of ["model", "max_tokens", "messages"]) expect(refused({ [field]: undefined }).field).toBe(field);
    expect(refused({ messages: [] }).field).toBe("messages");
    expect(refused({ max_tokens: 0 }).field).toBe("max_tokens");
  });

  test("says whether to stream", () => {
    expect(parseMessages(`{"stream":true,${minimal.slice(1)}`).stream).toBe(true);
    expect(refused({ stream: "yes" }).field).toBe("stream");
  });

  test("that is no JSON object is refused without a word of it", () => {
    for (const body of ["", "my secret prompt", "[1]", '"x"', "null", `${minimal},`]) {
      const { field, why } = refused(body);
      expect([field, why.includes("secret")]).toEqual(["body", false]);
    }
  });

  test("takes null for absent, in fields it does not know too", () => {
    expect(parsed({ temperature: null, tools: null, system: null, no_such_field: null, metadata: null })).toEqual(
      parsed(),
    );
  });

  test("names a field it does not know", () => {
    expect(refused({ temprature: 1 }).field).toBe("temprature");
    expect(refused({ metadata: { name: "x" } }).field).toBe("metadata.name");
    expect(refused({ output_config: { task_budget: {} } }).field).toBe("output_config.task_budget");
  });

  test("says how words are picked, within the wire's bounds", () => {
    const { sampling } = parsed({ temperature: 0, top_p: 1, top_k: 0, stop_sequences: ["END", "\n"] });
    expect(sampling).toMatchObject({ maxOutputTokens: 10, temperature: 0, topP: 1, topK: 0, stop: ["END", "\n"] });
    expect(refused({ temperature: 1.5 }).field).toBe("temperature");
    expect(refused({ stop_sequences: [""] }).field).toBe("stop_sequences[0]");
  });

  test("says who it is for, in which tier, and that it is to be cached", () => {
    const request = parsed({
      metadata: { user_id: "u" },
      service_tier: "standard_only",
      cache_control: { type: "ephemeral", ttl: "1h" },
    });
    expect([request.endUserId, request.serviceTier]).toEqual(["u", "standard_only"]);
    expect(request.cacheHint?.ttl).toBe(CacheTtl.ONE_HOUR);
    expect(refused({ cache_control: { type: "ephemeral", ttl: "2h" } }).field).toBe("cache_control.ttl");
  });

  test("keeps fields the contract has no place for, as they were written, and no other (mutant: parsed and written)", () => {
    const body = `{"container": {"id":"c", "n":9007199254740993},${minimal.slice(1)}`;
    expect(parseMessages(body).request.providerOptionsJson).toEqual({
      anthropic: '{"container":{"id":"c", "n":9007199254740993}}',
    });
    expect(refused({ thread: {} }).field).toBe("thread");
  });
});

describe("thinking", () => {
  test.each([
    [{ thinking: { type: "adaptive" } }, { enabled: true }],
    [{ thinking: { type: "disabled" } }, { enabled: false }],
    [{ thinking: { type: "between_tools" } }, { enabled: false }],
    [
      { thinking: { type: "enabled", budget_tokens: 2000, display: "omitted" } },
      { enabled: true, tokenBudget: 2000, summary: ReasoningSummary.NONE },
    ],
    [{ thinking: { type: "adaptive", display: "summarized" } }, { enabled: true, summary: ReasoningSummary.AUTO }],
    [{ output_config: { effort: "xhigh" } }, { effort: ReasoningEffort.XHIGH }],
  ])("%j is %j", (fields, reasoning) => {
    const found = parsed(fields).reasoning;
    expect(found).toMatchObject(reasoning);
    expect(found?.enabled).toBe((reasoning as { enabled?: boolean }).enabled);
  });

  test.each([
    [{ thinking: { type: "some" } }, "thinking.type"],
    [{ thinking: { type: "enabled" } }, "thinking.budget_tokens"],
    [{ thinking: { type: "enabled", budget_tokens: 10 } }, "thinking.budget_tokens"],
    [{ thinking: { type: "disabled", display: "omitted" } }, "thinking.display"],
    [{ thinking: { type: "adaptive", budget_tokens: 2000 } }, "thinking.budget_tokens"],
    [{ output_config: { effort: "none" } }, "output_config.effort"],
  ])("%j is refused at %s", (fields, field) => {
    expect(refused(fields).field).toBe(field);
  });
});

describe("the form of the answer", () => {
  test("is a schema, under its name or its old one", () => {
    const format = { type: "json_schema", schema: { b: 1, a: 2 } };
    const expected = { format: { case: "jsonSchema", value: { name: "", schemaJson: '{"b":1,"a":2}' } } };
    expect(parsed({ output_config: { format } }).responseFormat).toMatchObject(expected);
    expect(parsed({ output_format: format }).responseFormat).toMatchObject(expected);
    expect(refused({ output_config: { format }, output_format: format }).field).toBe("output_format");
    expect(refused({ output_config: { format: { type: "text" } } }).field).toBe("output_config.format.type");
  });
});
