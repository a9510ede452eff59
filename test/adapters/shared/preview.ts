import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import type { ChatRequest, Warning } from "../../../src/gen/execution/v1/chat_pb.js";
import { ProviderStateSchema } from "../../../src/gen/execution/v1/content_pb.js";
import type { AdapterRig } from "../shared-suite.ts";
import { brokenInvariants } from "./invariants.ts";
import { type ChatOptions, observe } from "./observe.ts";

/** A request with state of a vendor nobody is, which every adapter leaves out with a warning. */
function withForeignState(request: ChatRequest): ChatRequest {
  const foreign = create(ProviderStateSchema, { owner: "nobody", kind: "signature", data: Uint8Array.of(1) });
  const messages = request.messages.map((message) => ({
    ...message,
    parts: message.parts.map((part) => ({ ...part, providerState: [foreign] })),
  }));
  return { ...request, messages };
}

/** What `preview` promises: it is `chat` without the sending. */
export function describePreview(rigOf: () => AdapterRig): void {
  describe("a preview", () => {
    const warningsOf = async (
      rig: AdapterRig,
      request: ChatRequest,
      given: Partial<ChatOptions> = {},
    ): Promise<readonly Warning[]> => {
      const { reads, error } = await observe(rig.adapter, request, { model: rig.model, ...given });
      expect(error).toBeUndefined();
      return reads.flat().flatMap(({ event }) => (event.case === "warning" ? [event.value] : []));
    };

    test("sends nothing, and warns of what the chat leaves out (mutant: no warnings)", async () => {
      const rig = rigOf();
      const request = withForeignState(await rig.arm([{ text: ["Hello"] }]));
      const { warnings } = rig.adapter.preview({ request, model: rig.model });
      expect([rig.produced(), rig.openExchanges()]).toEqual([0, 0]);
      expect(warnings.map(({ code }) => code)).toEqual(["FIELD_IGNORED"]);
      expect(await warningsOf(rig, request)).toEqual(warnings);
    });

    test("changes nothing about the chats that follow it (mutant: a chat that does not repeat the warnings of its preview)", async () => {
      const rig = rigOf();
      const request = withForeignState(await rig.arm([{ text: ["Hello"] }]));
      const unseen = await warningsOf(rig, request);
      const preview = rig.adapter.preview({ request, model: rig.model });
      const first = await warningsOf(rig, request, { preview });
      const second = await warningsOf(rig, request, { preview });
      expect([first, second]).toEqual([unseen, unseen]);
    });

    test("is of no particular step and attempt (mutant: the first one's events for a later one)", async () => {
      const rig = rigOf();
      const request = await rig.arm([{ text: ["Hello"] }]);
      const preview = rig.adapter.preview({ request, model: rig.model });
      const facts = { step: 2, attempt: 3 };
      const { reads } = await observe(rig.adapter, request, { model: rig.model, preview, ...facts });
      expect(brokenInvariants(reads.flat(), { ...facts, outcome: "success" })).toEqual([]);
    });
  });
}
