import { describe, expect, test } from "@jest/globals";
import { resolveQuirks } from "../../../src/adapters/anthropic/quirk-settings.ts";
import { buildRequest } from "../../../src/adapters/anthropic/request.ts";
import { parseMessages } from "../../../src/server/anthropic/messages-request.ts";
import { anthropicSettings } from "../../adapters/anthropic/rig.ts";
import { FULL_BODY } from "./full-body.ts";

describe("a body that is read and built again", () => {
  test("is the same, nothing lost and nothing added (mutant: a title of documents dropped)", () => {
    const { request } = parseMessages(JSON.stringify(FULL_BODY));
    const quirks = resolveQuirks(anthropicSettings("https://api.anthropic.com"), request.model);
    const { body, warnings } = buildRequest({ request, model: request.model, quirks });
    expect(JSON.parse(body)).toEqual(FULL_BODY);
    expect(warnings).toEqual([]);
  });

  test("keeps the digits and the order of keys in schemas, inputs and blocks of the provider", () => {
    const exact = '{"z":9007199254740993,"a":1.10}';
    const written = `"input_schema":{"type":"object","default":${exact}}`;
    const input = `"input":${exact}`;
    const raw = `{"type":"new_block","value":${exact}}`;
    const text =
      `{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"n",${input}},${raw}]}],` +
      `"tools":[{"name":"n",${written}}]}`;
    const { request } = parseMessages(text);
    const quirks = resolveQuirks(anthropicSettings("https://api.anthropic.com"), "m");
    const { body } = buildRequest({ request, model: "m", quirks });
    for (const piece of [written, input, raw]) expect(body).toContain(piece);
  });
});
