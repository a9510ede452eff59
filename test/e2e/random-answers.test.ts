import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Script } from "../../src/adapters/mock/script.ts";
import { mockWire } from "../adapters/mock/wire.ts";
import { chatFigures } from "../adapters/openai/figures.ts";
import { failingScripts, successScripts } from "../adapters/shared/scripts.ts";
import { createEmulator, type Emulator } from "../emulators/emulator.ts";
import type { Delivery } from "../emulators/exchange.ts";
import { type SyntheticChatOptions, syntheticChat } from "../emulators/synthetic-chat.ts";
import { differences, outcomeOf } from "../support/compare-chat.ts";
import { testProvider } from "../support/gateway.ts";
import type { WireCase } from "./cases.ts";
import { callAll, expectAlike } from "./compare.ts";
import { type OpenGateway, openGateway } from "./gateway.ts";

const question = { messages: [{ role: "MESSAGE_ROLE_USER", parts: [{ text: { text: "hi" } }] }] };

// Mutants seen red: a number left out of the sequence; the hand-written encoding without the part; a refusal as `token` in the short form; no
// final usage where the provider gave none; details left out of grpc-js's status.
describe("random scripts of the mock", () => {
  let gateway: OpenGateway;

  beforeAll(async () => {
    gateway = await openGateway();
  });

  afterAll(async () => {
    await gateway.stop();
  });

  const play = async (script: Script, fails: boolean): Promise<void> => {
    const name = "a random script";
    const request = { ...question, providerOptionsJson: { mock: JSON.stringify({ script }) } };
    const outcomes = await callAll(gateway, { name, request });
    expect(outcomes[0]?.normal.failure === null).toBe(!fails);
    expectAlike(outcomes, { name, request });
  };

  test("that succeed keep the invariants and give the same messages on every wire", async () => {
    await fc.assert(
      fc.asyncProperty(successScripts(mockWire), (script) => play(script, false)),
      { numRuns: 12, endOnFailure: true },
    );
  });

  test("that fail keep the invariants and give the same error on every wire", async () => {
    await fc.assert(
      fc.asyncProperty(failingScripts(mockWire), (script) => play(script, true)),
      { numRuns: 12, endOnFailure: true },
    );
  });
});

describe("random answers of a chat-completions server, split at random for each wire", () => {
  let emulator: Emulator;
  let gateway: OpenGateway;

  beforeAll(async () => {
    emulator = await createEmulator();
    const timeouts = { connectMs: 5000, headersMs: 30_000, idleMs: 30_000 };
    const baseUrl = `${emulator.baseUrl}/v1`;
    gateway = await openGateway([testProvider({ kind: "openai", baseUrl, defaultModel: "any", timeouts })]);
  });

  afterAll(async () => {
    await gateway.stop();
    await emulator.close();
  });

  const wireCase: WireCase = { name: "a random answer", request: question };
  const answers: fc.Arbitrary<SyntheticChatOptions> = fc
    .record({
      seed: fc.nat(),
      chunks: fc.integer({ min: 0, max: 12 }),
      toolCalls: fc.nat(3),
      usage: fc.constantFrom("last" as const, "every" as const, "none" as const),
      doneMarker: fc.boolean(),
    })
    .chain((options) =>
      fc
        .constantFrom({}, { reasoningField: "reasoning" as const }, { reasoningField: "reasoning_content" as const })
        .map((field) => ({ ...options, ...field })),
    );

  const serve = (body: Uint8Array, delivery: () => Delivery): void => {
    const headers = { "content-type": "text/event-stream" };
    emulator.enqueue(...gateway.all.map(() => ({ headers, body, delivery: delivery() })));
  };

  test("keep the invariants and give the expected answer on every wire", async () => {
    await fc.assert(
      fc.asyncProperty(answers, fc.infiniteStream(fc.nat()), async (options, seeds) => {
        const { body, expected } = syntheticChat(options);
        serve(body, () => ({ kind: "random-splits", seed: seeds.next().value }));
        const outcomes = await callAll(gateway, wireCase);
        expect(outcomes[0]?.normal.failure).toBeNull();
        for (const { wire, outcome } of outcomes.filter(({ wire: { kind } }) => kind !== "short")) {
          expect({
            wire: wire.name,
            differences: differences(outcomeOf(outcome.events), expected, chatFigures),
          }).toEqual({
            wire: wire.name,
            differences: [],
          });
        }
        expectAlike(outcomes, wireCase);
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });

  // Mutant seen red: the clean end of a body taken for the end of the answer without a finish_reason.
  test("that are cut off never finish, on any wire", async () => {
    await fc.assert(
      fc.asyncProperty(answers, fc.nat(), async (options, cut) => {
        // At least the role and at most all text: the event with the finish reason is never among those that are sent.
        serve(syntheticChat(options).body, () => ({
          kind: "cut-after-events",
          events: 1 + (cut % (options.chunks + 1)),
          clean: true,
        }));
        const outcomes = await callAll(gateway, wireCase);
        for (const { normal } of outcomes) {
          expect(normal.failure?.details[0]).toMatchObject({ reason: "UPSTREAM_TRUNCATED" });
          expect(JSON.stringify(normal.events)).not.toMatch(/"finished":|"event":"done"/);
        }
        expectAlike(outcomes, wireCase);
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });
});
