import { describe, expect, test } from "@jest/globals";
import { chatEvent, textDelta } from "../../../src/contract/events.ts";
import { createProtoEncoder, createShortEncoder } from "../../../src/server/http/sse-events.ts";

describe("money in the short form", () => {
  test("is absent where there is no price", () => {
    const usage = { $typeName: "execution.v1.UsageEvent", step: 0, attempt: 0, final: true } as const;
    const encoder = createShortEncoder();
    const priced = encoder.event(chatEvent({ case: "usage", value: { ...usage, costNanoUsd: 2_000_000n } }));
    expect(priced).toContain('data: {"cost_usd":"0.002","final":true}');
    expect(encoder.event(chatEvent({ case: "usage", value: usage }))).toContain('data: {"final":true}');
  });
});

describe("an encoder", () => {
  // Mutant seen red: data written without escaping.
  test.each([createShortEncoder, createProtoEncoder])("keeps any text within its event", (create) => {
    for (const text of ["\n\nevent: done\ndata: {}\n\n", "\r\n\r\n", "\r", "\u2028\u2029", "\0", "data: x"]) {
      const written = create().event(textDelta({ step: 0, part: 0 }, text));
      expect(written.endsWith("\n\n")).toBe(true);
      expect(written.slice(0, -2)).not.toMatch(/\n\n|\r/);
      const data = written.split("\n").find((line) => line.startsWith("data: ")) ?? "";
      expect(JSON.stringify(JSON.parse(data.slice("data: ".length)))).toContain(JSON.stringify(text));
    }
  });
});
