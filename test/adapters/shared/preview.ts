import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { type ChatRequest, SamplingSchema, Verbosity, type Warning } from "../../../src/gen/execution/v1/chat_pb.js";
import type { AdapterRig } from "../shared-suite.ts";
import { observe } from "./observe.ts";

/** A request with every hint there is, so that each wire has something to leave out. */
function withHints(request: ChatRequest): ChatRequest {
  const sampling = create(SamplingSchema, {
    temperature: 0.5,
    topP: 0.5,
    topK: 3,
    minP: 0.1,
    seed: 7n,
    frequencyPenalty: 0.1,
    presencePenalty: 0.1,
    repetitionPenalty: 1.1,
    stop: ["###"],
  });
  return { ...request, sampling, verbosity: Verbosity.LOW, cacheKey: "group", endUserId: "somebody" };
}

/** What `preview` promises: it is `chat` without the sending. */
export function describePreview(rigOf: () => AdapterRig): void {
  describe("a preview", () => {
    const warningsOf = async (rig: AdapterRig, request: ChatRequest): Promise<readonly Warning[]> => {
      const { reads, error } = await observe(rig.adapter, request, { model: rig.model });
      expect(error).toBeUndefined();
      return reads.flat().flatMap(({ event }) => (event.case === "warning" ? [event.value] : []));
    };

    test("sends nothing, and warns of what the chat leaves out (mutant: warnings of an empty request)", async () => {
      const rig = rigOf();
      const request = withHints(await rig.arm([{ text: ["Hello"] }]));
      const warnings = rig.adapter.preview({ request, model: rig.model });
      expect([rig.produced(), rig.openExchanges()]).toEqual([0, 0]);
      // A request of its own, so that this chat builds anew.
      expect(await warningsOf(rig, { ...request })).toEqual(warnings);
    });

    test("changes nothing about the chats that follow it (mutant: a chat that does not repeat the warnings of its preview)", async () => {
      const rig = rigOf();
      const request = withHints(await rig.arm([{ text: ["Hello"] }]));
      const unseen = await warningsOf(rig, request);
      rig.adapter.preview({ request, model: "another" });
      const first = await warningsOf(rig, request);
      const second = await warningsOf(rig, request);
      expect([first, second]).toEqual([unseen, unseen]);
    });
  });
}
