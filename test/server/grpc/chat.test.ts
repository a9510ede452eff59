import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { fold } from "../../../src/contract/fold.ts";
import { CapabilitiesRequestSchema } from "../../../src/gen/execution/v1/capabilities_pb.js";
import { answer } from "../../support/scripted-adapter.ts";
import { chat, unary, withClient, withListener } from "./setup.ts";

describe("over gRPC", () => {
  test("a chat streams its events", async () => {
    await withListener({ play: answer("hello") }, async ({ port }) => {
      await withClient(port, async (client) => {
        const { events, failure } = await chat(client);
        expect(failure).toBeUndefined();
        expect(events.map(({ event }) => event.case)).toEqual([
          "started",
          "attemptStarted",
          "textDelta",
          "usage",
          "finished",
        ]);
        expect(fold(events)).toMatchObject([{ parts: [{ kind: { value: { text: "hello" } } }] }]);
      });
    });
  });

  test("a unary method answers", async () => {
    await withListener({}, async ({ port }) => {
      await withClient(port, async (client) => {
        const { response, failure } = await unary(client, "capabilities", create(CapabilitiesRequestSchema));
        expect(failure).toBeUndefined();
        expect(response).toMatchObject({ providers: [{ provider: "near" }] });
      });
    });
  });
});
