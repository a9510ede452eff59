import { describe, expect, test } from "@jest/globals";
import { textDelta } from "../../../src/contract/events.ts";
import { createScriptedAdapter, finishedEvent } from "../../support/scripted-adapter.ts";
import { parseSse, plain, playAll, post, scripted, withListener } from "./setup.ts";

const end = playAll([[textDelta({ step: 0, part: 0 }, "{}")], [finishedEvent()]]);

describe("the body", () => {
  test("may have the plain form, with its target in the body or the query", async () => {
    await withListener({}, async ({ port }) => {
      const target = {
        personaId: "default",
        provider: "mock",
        model: "mock-text",
        temperature: 0.5,
        max_tokens: 50,
        stream: true,
      };
      const inBody = await post(port, "/chat", plain(target));
      const inQuery = await post(port, "/chat?personaId=default&provider=mock&model=mock-text", plain());
      for (const { text } of [inBody, inQuery]) {
        expect(parseSse(text).at(-1)).toMatchObject({ event: "done", data: { model: "mock-text" } });
      }
    });
  });

  test("names the persona by either of two names, and by one of them only", async () => {
    await withListener({}, async ({ port }) => {
      for (const [path, target] of [
        ["/chat", { persona: "nobody" }],
        ["/chat?persona=nobody", {}],
        ["/chat", { personaId: "nobody" }],
      ] as const) {
        expect((await post(port, path, plain(target))).json()).toMatchObject({ reason: "PERSONA_NOT_FOUND" });
      }
      const both = await post(port, "/chat", plain({ persona: "default", personaId: "default" }));
      expect(both.json()).toMatchObject({ reason: "INVALID_FIELD", status: 400 });
      const differing = await post(port, "/chat?persona=nobody", plain({ personaId: "default" }));
      expect(differing.json()).toMatchObject({ reason: "INVALID_FIELD", status: 400 });
    });
  });

  test("in the plain form has tools, response format and parts as OpenAI writes them", async () => {
    const adapter = createScriptedAdapter({ name: "near", play: end });
    await withListener({ adapters: [adapter] }, async ({ port }) => {
      const request = {
        messages: [
          { role: "system", content: "Be brief." },
          { role: "user", content: [{ type: "text", text: "Weather?" }] },
          {
            role: "assistant",
            content: null,
            tool_calls: [{ id: "c1", type: "function", function: { name: "weather", arguments: '{"a":1.0}' } }],
          },
          { role: "tool", tool_call_id: "c1", content: "rain" },
        ],
        tools: [
          {
            type: "function",
            function: { name: "weather", parameters: { type: "object", maximum: 1 } },
          },
        ],
        tool_choice: "auto",
        response_format: { type: "json_object" },
        stop: ["x"],
      };
      // Written as text, since JavaScript's numbers would lose the digits before they are sent.
      const json = JSON.stringify(request).replace('"maximum":1', '"maximum":9007199254740993');
      const { text } = await post(port, "/chat", json);
      expect(parseSse(text).at(-1)?.event).toBe("done");
      expect(adapter.inputs[0]?.request).toMatchObject({
        messages: [
          { role: 1 },
          { role: 3 },
          { role: 4, parts: [{ kind: { case: "toolCall", value: { argumentsJson: '{"a":1.0}' } } }] },
          { role: 5 },
        ],
        responseFormat: { format: { case: "json" } },
        sampling: { stop: ["x"] },
      });
      expect(JSON.stringify(adapter.inputs[0]?.request.tools)).toContain("9007199254740993");
    });
  });

  const invalid: readonly (readonly [string, string, unknown, string])[] = [
    [
      "a plain message with parts",
      "/chat",
      {
        messages: [
          { role: "user", content: "a" },
          { role: "user", parts: [] },
        ],
      },
      "messages[1].parts",
    ],
    [
      "a plain message that is canonical too",
      "/chat",
      { messages: [{ role: "user", content: "a", parts: [] }] },
      "messages[0].parts",
    ],
    [
      "a canonical role in the plain form",
      "/chat",
      { messages: [{ role: "MESSAGE_ROLE_USER", content: "a" }] },
      "messages[0].role",
    ],
    [
      "a field of the canonical form in the plain form",
      "/chat",
      plain({ requiredCapabilities: [] }),
      "requiredCapabilities",
    ],
    ["a field nobody knows in the plain form", "/chat", plain({ colour: "red" }), "colour"],
    ["a field nobody knows in the canonical form", "/chat", { ...scripted({ text: "a" }), colour: "red" }, ""],
    ["a type that is wrong in the plain form", "/chat", plain({ temperature: "hot" }), "temperature"],
    ["a type that is wrong in the canonical form", "/chat", { messages: "hi" }, "messages"],
    ["a value out of range", "/chat", plain({ temperature: 3 }), "temperature"],
    ["no streaming", "/chat", plain({ stream: false }), "stream"],
    ["two models", "/chat?model=a", plain({ model: "b" }), "model"],
    ["a model twice", "/chat?model=a&model=b", plain(), "model"],
    ["a parameter nobody knows", "/chat?modle=a", plain(), "query"],
    ["events nobody knows", "/chat?events=xml", plain(), "events"],
    ["no messages", "/chat", {}, "messages"],
    ["a list", "/chat", [], ""],
    ["null", "/chat", "null", ""],
  ];
  test.each(invalid)("with %s is INVALID_FIELD that names the field", async (_name, path, body, field) => {
    await withListener({}, async ({ port, bugs }) => {
      const { status, headers, json } = await post(port, path, body);
      expect({ status, type: headers["content-type"] }).toEqual({ status: 400, type: "application/problem+json" });
      expect(json()).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INVALID_FIELD", status: 400 });
      const [, badRequest] = json().details as { fieldViolations?: { field?: string }[] }[];
      expect(badRequest?.fieldViolations?.[0]?.field ?? "").toContain(field);
      expect(bugs).toEqual([]);
    });
  });
});
