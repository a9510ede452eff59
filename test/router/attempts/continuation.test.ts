import { describe, expect, test } from "@jest/globals";
import { reasoningDelta, textDelta, toolCallStarted } from "../../../src/contract/events.ts";
import { fold } from "../../../src/contract/fold.ts";
import { Capability, Support } from "../../../src/gen/execution/v1/capabilities_pb.js";
import { Executor, MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
import { AttemptOutcome } from "../../../src/gen/execution/v1/usage_pb.js";
import { createPriceBook } from "../../../src/ledger/prices/price-book.ts";
import { acmeTable } from "../../ledger/prices/rig.ts";
import { answer, createScriptedAdapter, finishedEvent, type Play } from "../../support/scripted-adapter.ts";
import { createRig, failure } from "./rig.ts";

const TAKES_PREFIX = new Map([[Capability.ASSISTANT_PREFIX, Support.NATIVE]]);
const routing = { continuation: true };
const at = (part: number) => ({ step: 0, part });

const provider = (name: string, play: Play, support = TAKES_PREFIX) =>
  createScriptedAdapter({
    name,
    play,
    support,
    settings: { name, retries: 2, breaker: { failures: 5, cooldownMs: 1000 } },
  });

/** Says so, and breaks off. */
const broken = (...said: ReturnType<typeof textDelta>[]): Play =>
  async function* () {
    yield said;
    throw failure("UPSTREAM_TRUNCATED");
  };

const textsOf = (rig: Awaited<ReturnType<ReturnType<typeof createRig>["run"]>>) =>
  fold(rig.events).flatMap(({ parts }) =>
    parts.map(({ kind }) =>
      kind.case === "text" || kind.case === "reasoning" ? `${kind.case} ${kind.value.text}` : kind.case,
    ),
  );

describe("an answer that breaks off", () => {
  // Mutants seen red: the answer begun anew; the part numbers of the second attempt as they come.
  test("is gone on with by the next candidate that takes a prefix, in the same part, and the stream says so", async () => {
    const goOn: Play = async function* (input) {
      yield [reasoningDelta(at(0), "Let me see."), textDelta(at(1), " sky is")];
      yield* answer(" blue.")({ ...input });
    };
    const near = provider("near", broken(reasoningDelta(at(0), "Hm."), textDelta(at(1), "The")));
    const unable = provider("unable", answer("never"), new Map());
    const far = provider("far", async function* (input) {
      for await (const events of goOn(input)) {
        for (const { event } of events) if (event.case === "textDelta") event.value.part = 1;
        yield events;
      }
    });
    const ran = await createRig([near, unable, far], { routing }).run();
    expect(ran.error).toBeUndefined();
    expect(ran.told).toEqual([
      "started",
      "attempt 0 near",
      "reasoning 0 Hm.",
      "text 1 The",
      "failed 0 UPSTREAM_TRUNCATED CONTINUE",
      "attempt 1 far",
      "reasoning 2 Let me see.",
      "text 1  sky is",
      "text 1  blue.",
      "usage 1",
      "finished by 1",
    ]);
    expect(textsOf(ran)).toEqual(["reasoning Hm.", "text The sky is blue.", "reasoning Let me see."]);
    const { messages } = far.inputs[0]?.request ?? {};
    expect(messages?.at(-1)).toMatchObject({
      role: MessageRole.ASSISTANT,
      prefix: true,
      parts: [{ kind: { case: "text", value: { text: "The" } } }],
    });
    expect(ran.events.at(-1)?.event.value).toMatchObject({
      attempts: [{ outcome: AttemptOutcome.FAILED }, { outcome: AttemptOutcome.WON }],
    });
    expect(unable.inputs).toEqual([]);
  });

  test("may break off again: what both said is gone on with", async () => {
    const near = provider("near", broken(textDelta(at(0), "one ")));
    const far = provider("far", broken(textDelta(at(0), "two ")));
    const third = provider("third", answer("three"));
    const ran = await createRig([near, far, third], { routing }).run();
    expect(textsOf(ran)).toEqual(["text one two three"]);
    expect(third.inputs[0]?.request.messages.at(-1)?.parts).toMatchObject([{ kind: { value: { text: "one two" } } }]);
  });

  // Mutant seen red: white space at the seam sent, or said twice.
  test("has the white space at its seam once", async () => {
    const near = provider("near", broken(textDelta(at(0), "one\n\n")));
    const far = provider("far", async function* () {
      yield [textDelta(at(0), "\n")];
      yield [textDelta(at(0), "\ntwo "), textDelta(at(0), " three"), finishedEvent()];
    });
    const ran = await createRig([near, far], { routing }).run();
    expect(textsOf(ran)).toEqual(["text one\n\ntwo  three"]);
    expect(far.inputs[0]?.request.messages.at(-1)?.parts).toMatchObject([{ kind: { value: { text: "one" } } }]);
  });

  test.each([
    ["the persona does not say so", {}, broken(textDelta(at(0), "x"))],
    [
      "it holds a tool call",
      routing,
      broken(
        textDelta(at(0), "x"),
        toolCallStarted(at(1), { id: "c", idMinted: false, name: "look", executor: Executor.CALLER, freeForm: false }),
      ),
    ],
  ])("is not gone on with where %s", async (_why, wanted, play) => {
    const far = provider("far", answer("far"));
    const { error } = await createRig([provider("near", play), far], { routing: wanted }).run();
    expect(error?.reason).toBe("UPSTREAM_TRUNCATED");
    expect(far.inputs).toEqual([]);
  });

  test("that fails before content is answered from its beginning", async () => {
    const far = provider("far", answer("far"));
    const near = provider("near", async function* () {
      yield [];
      throw failure("PROVIDER_AUTH");
    });
    const ran = await createRig([near, far], { routing }).run();
    expect(textsOf(ran)).toEqual(["text far"]);
    expect(far.inputs[0]?.request.messages).toHaveLength(1);
  });

  // Mutants seen red: the room is of the request without what was said; the estimate too.
  test("costs what was said as input, in the room of its ceiling and in its estimate", async () => {
    const prices = createPriceBook([acmeTable([{ models: ["model-1"], rates: { input: "1000", output: "2" } }])]);
    const said = textDelta(at(0), "four".repeat(1000));
    const paid = (name: string, play: Play) =>
      createScriptedAdapter({ name, play, support: TAKES_PREFIX, seller: "acme", spends: true });
    const attempts = async (maxCostNanoUsd: bigint) => {
      const far = paid("far", broken(textDelta(at(0), "!")));
      const rig = createRig([paid("near", broken(said)), far], { routing, prices });
      await rig.run({ maxCostNanoUsd, sampling: { maxOutputTokens: 10 } });
      return rig.rows.map(({ usage }) => usage?.inputTotal ?? 0);
    };
    const [first = 0, second = 0] = await attempts(1_000_000_000_000n);
    expect(second - first).toBeGreaterThanOrEqual(1000);
    // There is room for two attempts at the request, and not for one that has 1,000 tokens more to read.
    expect(await attempts(900_000_000n)).toHaveLength(1);
  });
});
