import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { toStatus } from "../../contract/error-details.ts";
import { type GetStreamResponse, GetStreamResponseSchema, StreamState } from "../../gen/execution/v1/streams_pb.js";
import type { Ended, StreamHead, StreamStatus } from "./ended.ts";

/** The state of a stream by how it ended. */
export function stateOf(ended: Ended | undefined): StreamState {
  if (ended === undefined) return StreamState.RUNNING;
  if (ended.error === undefined) return StreamState.FINISHED;
  return ended.error.reason === "CANCELLED" ? StreamState.CANCELLED : StreamState.FAILED;
}

/** What GetStream says of a stream. Its error is cut as on every wire; its attempts are not. */
export function describeStream(head: StreamHead, status: StreamStatus): GetStreamResponse {
  const { ended, lastSequence, attempts, usage, costNanoUsd, finishReason } = status;
  return create(GetStreamResponseSchema, {
    streamId: head.streamId,
    requestId: head.requestId,
    persona: head.persona,
    state: stateOf(ended),
    lastSequence,
    attempts: [...attempts],
    createTime: timestampFromMs(head.createdAtMs),
    ...(usage === undefined ? {} : { usage }),
    ...(costNanoUsd === undefined ? {} : { costNanoUsd }),
    ...(ended === undefined ? {} : { endTime: timestampFromMs(ended.endedAtMs) }),
    ...(finishReason === undefined ? {} : { finishReason }),
    ...(ended?.error === undefined ? {} : { error: toStatus(ended.error, head.requestId) }),
  });
}
