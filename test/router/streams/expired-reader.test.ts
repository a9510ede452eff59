import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { OnDisconnect } from "../../../src/gen/execution/v1/chat_pb.js";
import { ResumeRequestSchema } from "../../../src/gen/execution/v1/streams_pb.js";
import { waitFor } from "../../support/wait.ts";
import { createRig, endableContext, endlessWords, readSome, type StreamsRig } from "./rig.ts";

describe("the last reader, once it has fallen off the log", () => {
  const fallOff = async (request: Parameters<StreamsRig["open"]>[0], remainingMs = Number.POSITIVE_INFINITY) => {
    const rig = createRig(endlessWords, { logs: { maxLogBytes: 8192 } });
    const owner = rig.open(request, endableContext({ remainingMs: () => remainingMs }))[Symbol.asyncIterator]();
    const { resumeToken } = await readSome(owner, 1);
    const context = endableContext();
    const fast = rig.streams
      .resume(create(ResumeRequestSchema, { resumeToken, afterSequence: 1 }), context)
      [Symbol.asyncIterator]();
    for (let read = 0; read < 400; read += 1) await fast.next();
    context.leave();
    await fast.next().catch(() => undefined);
    await expect(owner.next()).rejects.toMatchObject({ reason: "RESUME_EXPIRED" });
    return rig;
  };

  // Mutant seen red: an expired reader forgotten without a word, so that nobody asks the provider on and nobody ends the call.
  test("has left: under CANCEL the call ends", async () => {
    const rig = await fallOff({});
    await waitFor(() => rig.calls[0]?.aborted, { what: "the end of the call" });
    await rig.streams.settled();
  });

  // Mutant seen red: the deadline lost with the reader whose RPC it was.
  test("leaves the call its deadline", async () => {
    const rig = await fallOff({ onDisconnect: OnDisconnect.CONTINUE }, 50);
    await waitFor(() => rig.calls[0]?.aborted, { what: "the end of the call" });
    expect(rig.calls[0]?.reason).toMatchObject({ reason: "DEADLINE" });
    await rig.streams.settled();
  });
});
