import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { Role, text } from "../../../src/client/index.ts";
import { AttemptOutcome, Billed } from "../../../src/gen/execution/v1/usage_pb.js";
import { startSilentServer } from "../../support/silent-server.ts";
import { within } from "../../support/wait.ts";
import { createFaultRig } from "./rig.ts";
import { FAULT_WIRES, openai } from "./wires.ts";

/** Silence within an answer after which its provider is given up, and a time in which undici's coarse clock has seen that pass, in milliseconds. */
const IDLE_MS = 500;
const MUCH_LONGER_MS = 2_500;

/** More than all buffers on the way hold. */
const WORDS = Array.from({ length: 1_000 }, (_, index) => `${index} ${"x".repeat(20_000)} `);

// Mutants seen red: the connection left to undici's own ten seconds; a timeout that is tried again where another candidate could answer.
test.each(FAULT_WIRES)(
  "on the wire $kind a connection that does not come about is passed by, and nothing of it is billed",
  async (wire) => {
    const silent = await startSilentServer();
    const rig = await createFaultRig(wire, { nearUrl: silent.url, connectMs: 100 });
    try {
      const { text: said, error, events } = await within(rig.call(), { what: "the answer", timeoutMs: 8_000 });
      expect({ said, error }).toEqual({ said: "far", error: undefined });
      expect(events.flatMap(({ event }) => (event.case === "attemptFailed" ? [event.value] : []))).toMatchObject([
        { attempt: 0, reason: "PROVIDER_TIMEOUT", billed: Billed.NO },
      ]);
      expect(events.at(-1)?.event.value).toMatchObject({
        attempts: [
          { outcome: AttemptOutcome.FAILED, reason: "PROVIDER_TIMEOUT", billed: Billed.NO },
          { outcome: AttemptOutcome.WON },
        ],
      });
      expect(silent.connections()).toBe(1);
    } finally {
      await rig.close();
      await silent.close();
    }
  },
);

// Mutants seen red: a limit on the time between two reads that goes on while nobody asks for the next; of our own client, and of an SDK's body.
test.each(["native", "sdk"] as const)(
  "a caller who reads nothing for longer than a provider may be silent loses nothing of what comes over %s",
  async (transport) => {
    const near = openai.play([{ text: WORDS }]);
    const rig = await createFaultRig(openai, { near, transport, idleMs: IDLE_MS, alone: true });
    try {
      const said: string[] = [];
      for await (const { event } of rig.client.chat({ messages: [{ role: Role.USER, parts: [text("Hi")] }] })) {
        if (event.case !== "textDelta") continue;
        said.push(event.value.text);
        if (said.length > 1) continue;
        await sleep(MUCH_LONGER_MS);
        // Neither has all of it gone on without the reader.
        expect(rig.near.inFlight()).toBe(1);
      }
      expect(said.join("")).toBe(WORDS.join(""));
      expect(rig.calls()).toEqual([1, 0]);
    } finally {
      await rig.close();
    }
  },
);
