import type { ChatRequest, Warning } from "../../gen/execution/v1/chat_pb.js";
import { encodeJson } from "../../json-text.ts";
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
  readonly path: "/v1/messages";
  /** The JSON body as text: schemas and arguments in it keep their digits and key order. */
  readonly body: string;
  /** Whether a stream is asked for. */
  readonly stream: boolean;
  /** Values of the `anthropic-beta` header: the instance's, and those that what is asked for needs. */
  readonly betas: readonly string[];
  /** What was left out or changed, to be yielded before anything else. */
  readonly warnings: readonly Warning[];
}

/** Builds the messages request for a ChatRequest. */
export function buildRequest({ request, model, quirks }: BuildInput): BuiltRequest {
  const messages = request.messages.map(() => ({ role: "user", content: "" }));
  return {
    path: "/v1/messages",
    body: encodeJson({ model, max_tokens: quirks.maxTokens, messages, ...(quirks.stream && { stream: true }) }),
    stream: quirks.stream,
    betas: quirks.betas,
    warnings: [],
  };
}
