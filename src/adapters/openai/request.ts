import type { ChatRequest, Warning } from "../../gen/execution/v1/chat_pb.js";
import type { Quirks } from "./quirks.ts";

/** What a request is built from. */
export interface BuildInput {
  readonly request: ChatRequest;
  /** The provider's own word for the model. */
  readonly model: string;
  readonly quirks: Quirks;
}

/** A request as it is sent. */
export interface BuiltRequest {
  /** Below the instance's base URL. */
  readonly path: "/chat/completions";
  /** The JSON body as text: schemas and arguments in it keep their digits and key order. */
  readonly body: string;
  /** Whether a stream is asked for. */
  readonly stream: boolean;
  /** What was left out, to be yielded before anything else. */
  readonly warnings: readonly Warning[];
}
