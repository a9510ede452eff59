import { create } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "@jest/globals";
import { fold } from "../../../src/contract/fold.ts";
import { CapabilitiesRequestSchema } from "../../../src/gen/execution/v1/capabilities_pb.js";
import { CostsRequestSchema } from "../../../src/gen/execution/v1/costs_pb.js";
import { ExecutionService } from "../../../src/gen/execution/v1/execution_pb.js";
import { chat, chatRequest, unary, withClient } from "./client.ts";
import { withListener } from "./setup.ts";

const script = [
  { reasoning: ["Hm", "m."] },
  { text: ["Łódź", " ", "👩‍💻", "x".repeat(300)] },
  {
    tool_calls: [
      { name: "get_weather", arguments: ['{"city":', '"語"}'] },
      { name: "get_time", id: "" },
    ],
  },
  { provider_state: { kind: "signature", data: "c2lnbmVk" } },
];

describe("a chat over gRPC", () => {
  // Mutants seen red: the first message of each write left out; frames without their prefix; the hand encoder's tags swapped.
  test("streams every kind of event, in order and whole", async () => {
    await withListener({}, async ({ port }) => {
      await withClient(port, async (client) => {
        const { events, failure } = await chat(client, chatRequest("hi", script));
        expect(failure).toBeUndefined();
        expect(events.at(0)?.event.case).toBe("started");
        expect(events.at(-1)?.event.case).toBe("finished");
        expect(fold(events)).toMatchObject([
          {
            parts: [
              { kind: { case: "reasoning", value: { text: "Hmm." } } },
              { kind: { case: "text", value: { text: `Łódź 👩‍💻${"x".repeat(300)}` } } },
              { kind: { case: "toolCall", value: { name: "get_weather", argumentsJson: '{"city":"語"}' } } },
              {
                kind: { case: "toolCall", value: { name: "get_time", argumentsJson: "{}" } },
                providerState: [{ kind: "signature" }],
              },
            ],
          },
        ]);
      });
    });
  });

  test("comes whole where one provider read holds more than any buffer", async () => {
    const pieces = 10_000;
    const many = [{ text: ["abcdefghi ", "語".repeat(200)], repeat: pieces / 2, per_read: pieces }];
    await withListener({}, async ({ port }) => {
      await withClient(port, async (client) => {
        const { events } = await chat(client, chatRequest("hi", many));
        expect(events.filter(({ event }) => event.case === "textDelta")).toHaveLength(pieces);
      });
    });
  });

  test("runs beside others on one connection, each with its own events", async () => {
    await withListener({}, async ({ port, dispatcher }) => {
      await withClient(port, async (client) => {
        const words = Array.from({ length: 50 }, (_, index) => `answer ${index}`);
        const calls = words.map((word) => chat(client, chatRequest("hi", [{ text: [word], repeat: 20 }])));
        const texts = (await Promise.all(calls)).map(({ events }) => fold(events)[0]?.parts[0]?.kind.value);
        expect(texts).toMatchObject(words.map((word) => ({ text: word.repeat(20) })));
        expect(dispatcher.running).toBe(0);
      });
    });
  });
});

describe("the other methods over gRPC", () => {
  test("Capabilities answers", async () => {
    await withListener({}, async ({ port }) => {
      await withClient(port, async (client) => {
        const { response, failure } = await unary(client, "capabilities", create(CapabilitiesRequestSchema));
        expect(failure).toBeUndefined();
        expect(response).toMatchObject({ providers: [{ provider: "mock" }] });
      });
    });
  });

  test("Costs answers", async () => {
    await withListener({}, async ({ port }) => {
      await withClient(port, async (client) => {
        const { response, failure } = await unary(client, "costs", create(CostsRequestSchema));
        expect(failure).toBeUndefined();
        expect(response).toMatchObject({ rows: [], total: { attempts: 0n } });
      });
    });
  });

  test.each(ExecutionService.methods.filter(({ localName }) => ["embed", "countTokens"].includes(localName)))(
    "$name answers: UNIMPLEMENTED with its reason, until it is served",
    async (method) => {
      await withListener({}, async ({ port }) => {
        await withClient(port, async (client) => {
          const { failure } = await unary(client, method.localName, create(method.input));
          expect(failure).toMatchObject({ code: status.UNIMPLEMENTED, info: { reason: "UNIMPLEMENTED" } });
        });
      });
    },
  );
});
