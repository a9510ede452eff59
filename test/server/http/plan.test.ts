import { describe, expect, test } from "@jest/globals";
import { plain, post, scripted, withListener } from "./setup.ts";

describe("POST", () => {
  // Mutants seen red: the query not read; the plain form read as ProtoJSON.
  test("/plan takes what /chat takes, or a PlanRequest, and the targets of /chat's query", async () => {
    await withListener({}, async ({ port }) => {
      const candidates = [{ candidate: { provider: "mock", kind: "mock", model: "mock-text" }, kept: true }];
      for (const body of [plain(), scripted({ text: "a" }), { request: scripted({ text: "a" }) }]) {
        const { status, json } = await post(port, "/v1/plan?provider=mock&model=mock-text", body);
        expect({ status, read: json() }).toMatchObject({ status: 200, read: { persona: "default", candidates } });
      }
      const { json } = await post(port, "/plan", plain({ model: "mock-text" }));
      expect(json()).toMatchObject({ candidates });
    });
  });

  test("/plan refuses what it does not know, and fails as /chat does", async () => {
    await withListener({}, async ({ port }) => {
      for (const [query, body] of [
        ["?events=proto", plain()],
        ["?model=a", plain({ model: "b" })],
        ["", { request: scripted(), persona: "default" }],
        ["", { request: plain() }],
        ["", {}],
        ["", "{"],
        ["", '["request"]'],
        ["", { request: null }],
      ] as const) {
        const { status, json } = await post(port, `/plan${query}`, body);
        expect({ query, body, status, reason: json().reason }).toEqual({
          query,
          body,
          status: 400,
          reason: "INVALID_FIELD",
        });
      }
      const { status, json } = await post(port, "/plan?personaId=nobody", plain());
      expect({ status, reason: json().reason }).toEqual({ status: 404, reason: "PERSONA_NOT_FOUND" });
    });
  });
});
