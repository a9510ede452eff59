import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ChatRequest, ChatRequestSchema } from "../gen/execution/v1/chat_pb.js";
import type { MessageSchema } from "../gen/execution/v1/content_pb.js";

/** A Chat request: a message, or an object literal in which every field but `messages` may be left out. */
export type ChatRequestInit = MessageInitShape<typeof ChatRequestSchema>;

/** A Chat request for a persona that is chosen elsewhere. */
export type PersonaRequestInit = Omit<Exclude<ChatRequestInit, ChatRequest>, "persona">;

/** One turn of a conversation, written as an object literal or taken from a result. */
export type MessageInit = MessageInitShape<typeof MessageSchema>;

/** Options of one call. */
export interface CallOptions {
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
  /** Total time of the call, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** Headers to send beside the client's. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}
