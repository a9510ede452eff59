import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { AdapterKind } from "../../src/adapters/adapter.ts";
import type { StreamSettings } from "../../src/config/config.ts";
import { textDelta, usageEvent } from "../../src/contract/events.ts";
import { unknownUsage } from "../../src/contract/usage.ts";
import { ExecutionError } from "../../src/errors.ts";
import type { RunningGateway } from "../../src/gateway.ts";
import { OnDisconnect } from "../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../src/gen/execution/v1/content_pb.js";
import { Role } from "../../src/gen/execution/v1/options_pb.js";
import { StreamState } from "../../src/gen/execution/v1/streams_pb.js";
import { hashKey } from "../../src/server/auth.ts";
import { startTestGateway, testProvider } from "../support/gateway.ts";
import { testConfig } from "../support/routing.ts";
import { createScriptedAdapter, finishedEvent, type Play } from "../support/scripted-adapter.ts";
import { API_KEYS } from "./cases.ts";
import { normalise, type Outcome } from "./outcome.ts";
import { openStreamWires, STREAM_WIRES, type StreamWire, startedOf } from "./stream-wires.ts";

/** Models of the provider's calls, in their order. */
const asked: string[] = [];
/** What a call of the model `held` waits for. */
let gate = Promise.withResolvers<void>();

const play: Play = async function* ({ step, attempt, model, onHeaders }) {
  asked.push(model);
  if (model === "refused") {
    onHeaders();
    throw new ExecutionError("PROVIDER_REJECTED", "no");
  }
  yield [
    usageEvent(step, attempt, { ...unknownUsage(), inputTotal: 7, outputTotal: 1 }, false),
    textDelta({ step, part: 0 }, "Zürich "),
  ];
  if (model === "held") await gate.promise;
  yield [textDelta({ step, part: 0 }, "語 "), textDelta({ step, part: 0 }, "🙂")];
  if (model === "failing") throw new ExecutionError("PROVIDER_INTERNAL", "the provider failed");
  yield [usageEvent(step, attempt, { ...unknownUsage(), inputTotal: 7, outputTotal: 3 }, true), finishedEvent()];
};

/** A kind that says some words at a price; its model `failing` fails then, and `refused` before. */
const wordsKind: AdapterKind = {
  kind: "words",
  needsKey: false,
  check: () => [],
  create: (settings) => ({
    ...createScriptedAdapter({ name: settings.name, play, spends: true, seller: "acme" }),
    settings,
  }),
};

const rule = { models: ["finishing", "failing", "held", "refused"], region: "*", rates: { input: "2", output: "5" } };

function startGateway(streams: Partial<StreamSettings> = {}): Promise<RunningGateway> {
  return startTestGateway({
    kinds: [wordsKind],
    providers: [testProvider({ name: "words", kind: "words" })],
    config: {
      keys: [
        { name: "caller", sha256: hashKey(API_KEYS.caller), tenant: "t", roles: [Role.CALLER], providerOptions: false },
      ],
      prices: { vendors: { acme: [rule] }, instances: {} },
      streams: { ...testConfig().streams, ...streams },
    },
  });
}

const newKey = (): string => `key ${randomUUID()}`;

const asking = (model: string, idempotencyKey: string, words = "hi") => ({
  provider: "words",
  model,
  idempotencyKey,
  onDisconnect: OnDisconnect.CANCEL,
  messages: [{ role: MessageRole.USER, parts: [{ kind: { case: "text" as const, value: { text: words } } }] }],
});

describe("a call with an idempotency key on every wire", () => {
  let gateway: RunningGateway;
  let wires: readonly StreamWire[];
  /** It keeps no answers. */
  let forgetful: RunningGateway;
  let forgetfulWires: readonly StreamWire[];

  beforeAll(async () => {
    [gateway, forgetful] = await Promise.all([startGateway(), startGateway({ maxLogMemoryBytes: 1 })]);
    [wires, forgetfulWires] = [openStreamWires(gateway), openStreamWires(forgetful)];
  });

  afterAll(async () => {
    await Promise.all([gateway.stop(), forgetful.stop()]);
  });

  const over = (name: string, all = wires): StreamWire => {
    const found = all.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no wire ${name}`);
    return found;
  };
  /** What each wire is told of one call, beside its name. */
  const onEach = (task: (each: StreamWire) => Promise<Outcome>, all = wires) =>
    Promise.all(all.map(async (each) => [each.name, await task(each)] as const));
  /** The reason that a failure's details begin with. */
  const reasonOf = (outcome: Outcome): unknown =>
    (normalise(outcome).failure?.details[0] as { readonly reason?: unknown } | undefined)?.reason;

  // Mutants seen red: the key not looked at; a call that ends when one that had joined it leaves.
  test.each(STREAM_WIRES)("that is begun over %s and runs is joined over all of them", async (name) => {
    const [before, request] = [asked.length, asking("held", newKey())];
    gate = Promise.withResolvers<void>();
    const reading = over(name).chat(request);
    const joined = await onEach((each) => each.chat(request, 4));
    const { streamId } = startedOf(joined[0]?.[1].events ?? []);
    expect((await over(name).getStream(streamId)).state).toBe(StreamState.RUNNING);
    const joining = onEach((each) => each.chat(request));
    gate.resolve();
    const whole = await reading;
    expect(whole.events.at(-1)?.event.case).toBe("finished");
    for (const [wire, { events }] of joined) {
      expect({ wire, events: events.slice(0, 4) }).toEqual({ wire, events: whole.events.slice(0, 4) });
    }
    for (const [wire, outcome] of await joining) expect({ wire, ...outcome }).toEqual({ wire, ...whole });
    expect(asked.slice(before)).toEqual(["held"]);
  });

  // Mutant seen red: a key that is free again once its call has ended.
  test.each(STREAM_WIRES)("that was begun over %s and has ended is replayed over all of them", async (name) => {
    for (const [model, last] of [
      ["finishing", "finished"],
      ["failing", "textDelta"],
    ] as const) {
      const [before, request] = [asked.length, asking(model, newKey())];
      const whole = await over(name).chat(request);
      expect(whole.events.at(-1)?.event.case).toBe(last);
      expect(reasonOf(whole)).toBe(model === "failing" ? "PROVIDER_INTERNAL" : undefined);
      for (const [wire, outcome] of await onEach((each) => each.chat(request))) {
        expect({ wire, ...outcome }).toEqual({ wire, ...whole });
      }
      expect(asked.slice(before)).toEqual([model]);
    }
  });

  // Mutant seen red: the hash not compared.
  test.each(STREAM_WIRES)("that was used over %s with another request is refused over all of them", async (name) => {
    const [before, key] = [asked.length, newKey()];
    await over(name).chat(asking("finishing", key));
    const refused = await onEach((each) => each.chat(asking("finishing", key, "something else")));
    for (const [wire, { events, failure }] of refused) {
      expect({ wire, events, failure: normalise({ events, failure }).failure }).toMatchObject({
        wire,
        events: [],
        failure: {
          code: "FAILED_PRECONDITION",
          details: [{ reason: "IDEMPOTENCY_MISMATCH" }, { violations: [{ type: "IDEMPOTENCY_KEY" }] }],
        },
      });
    }
    expect(asked.slice(before)).toEqual(["finishing"]);
  });

  // Mutants seen red: the provider called again when the log is gone; what the call did not kept.
  test.each(STREAM_WIRES)(
    "that was begun over %s and is not kept any more is refused over all of them, with what it used and cost",
    async (name) => {
      const [before, request] = [asked.length, asking("finishing", newKey())];
      const { events } = await over(name, forgetfulWires).chat(request);
      expect(events.at(-1)?.event.case).toBe("finished");
      for (const [wire, outcome] of await onEach((each) => each.chat(request), forgetfulWires)) {
        expect({ wire, events: outcome.events, failure: normalise(outcome).failure }).toMatchObject({
          wire,
          events: [],
          failure: {
            code: "FAILED_PRECONDITION",
            details: [
              { reason: "IDEMPOTENCY_REPLAY_EXPIRED" },
              { violations: [{ type: "IDEMPOTENCY_KEY" }] },
              {
                usage: { inputTotal: 7, outputTotal: 3 },
                costNanoUsd: String(7 * 2_000 + 3 * 5_000),
                lastSequence: events.length,
                attempts: [{ outcome: "ATTEMPT_OUTCOME_WON" }],
              },
            ],
          },
        });
      }
      expect(asked.slice(before)).toEqual(["finishing"]);
    },
  );

  // Mutant seen red: a key that is not given back.
  test.each(STREAM_WIRES)(
    "that failed over %s before anybody billed it is made anew over any of them",
    async (name) => {
      const [before, key] = [asked.length, newKey()];
      expect(reasonOf(await over(name).chat(asking("refused", key)))).toBe("PROVIDER_REJECTED");
      for (const each of wires) expect(reasonOf(await each.chat(asking("refused", key)))).toBe("PROVIDER_REJECTED");
      expect(asked.slice(before)).toEqual(Array.from({ length: 1 + wires.length }, () => "refused"));
      const { events } = await over(name).chat(asking("finishing", key));
      expect(events.at(-1)?.event.case).toBe("finished");
    },
  );

  // Mutants seen red: the key not looked at; a key that is taken a turn of the event loop after it was looked at.
  test.each<readonly [string, readonly string[]]>([
    ["REST and SSE", ["REST and SSE"]],
    ["gRPC", ["gRPC"]],
    ["all of them", STREAM_WIRES],
  ])("that is made a hundred times at once over %s is one call to the provider", async (_name, names) => {
    const [before, request] = [asked.length, asking("finishing", newKey())];
    const calling = Array.from({ length: 100 }, (_, index) => over(names[index % names.length] ?? "").chat(request));
    const [first, ...others] = await Promise.all(calling);
    expect(first?.events.at(-1)?.event.case).toBe("finished");
    for (const outcome of others) expect(outcome).toEqual(first);
    expect(asked.slice(before)).toEqual(["finishing"]);
  });
});
