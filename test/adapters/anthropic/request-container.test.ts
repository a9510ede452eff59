import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { resolveQuirks } from "../../../src/adapters/anthropic/quirk-settings.ts";
import { buildRequest } from "../../../src/adapters/anthropic/request.ts";
import { fold } from "../../../src/contract/fold.ts";
import { ChatRequestSchema } from "../../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
import { summary } from "../shared/summary.ts";
import { block, decodeDocument, decodeStream, start, stop } from "./decode.ts";
import { anthropicSettings } from "./rig.ts";

const container = { id: "container_1", expires_at: "2026-11-26T00:00:00Z" };
const waiting = (caller: string) => ({
  type: "tool_use",
  id: "toolu_1",
  name: "roll",
  input: {},
  caller: { type: caller, tool_id: "srvtoolu_1" },
});

/** The body of the request that goes on after an answer with the tool's result. */
function nextBody(answer: ReturnType<typeof decodeStream>, providerOptionsJson: Record<string, string> = {}): unknown {
  const user = (kind: object) => ({ parts: [{ kind: kind as never }] });
  const request = create(ChatRequestSchema, {
    messages: [
      { role: MessageRole.USER, ...user({ case: "text", value: { text: "Play" } }) },
      ...fold(answer.events),
      { role: MessageRole.TOOL, ...user({ case: "toolResult", value: { toolCallId: "toolu_1" } }) },
    ],
    providerOptionsJson,
  });
  const model = "claude-opus-4-5";
  const { body, warnings } = buildRequest({
    request,
    model,
    quirks: resolveQuirks(anthropicSettings("http://a"), model),
  });
  expect(warnings).toEqual([]);
  return JSON.parse(body);
}

describe("the container of an answer", () => {
  const streamed = (caller: string) =>
    decodeStream([start(), ...block(0, waiting(caller)), ...stop("tool_use", undefined, { container })]);

  test("is state of a part of its own, streamed or whole (mutant: leave it out)", () => {
    const expected = `state 1 anthropic container ${JSON.stringify(container)}`;
    expect(summary(streamed("direct").events)).toContain(expected);
    const document = { type: "message", content: [waiting("direct")], stop_reason: "tool_use", container };
    expect(summary(decodeDocument(document).events)).toContain(expected);
    expect(summary(decodeDocument({ ...document, container: null }).events).join()).not.toContain("container");
  });

  test("goes back where code in it waits for the caller's tool (mutant: leave it to the caller)", () => {
    expect(nextBody(streamed("code_execution_20250825"))).toMatchObject({
      container: "container_1",
      messages: [{ role: "user" }, { role: "assistant", content: [waiting("code_execution_20250825")] }, {}],
    });
  });

  test("does not go back otherwise, lest a container that is gone fail the call (mutant: always send it)", () => {
    expect(nextBody(streamed("direct"))).not.toHaveProperty("container");
  });

  test("is the caller's to choose", () => {
    const options = { anthropic: '{"container":"container_2"}' };
    expect(nextBody(streamed("direct"), options)).toMatchObject({ container: "container_2" });
    expect(nextBody(streamed("code_execution_20250825"), options)).toMatchObject({ container: "container_2" });
  });
});
