import type { MessageInitShape } from "@bufbuild/protobuf";
import { type ChatRequest, type ChatRequestSchema, OnDisconnect } from "../gen/execution/v1/chat_pb.js";
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
  /**
   * Goes on by Resume where the connection breaks, or the gateway shuts down, in the middle of a chat. Such a request goes on at the gateway when
   * its caller is gone (`onDisconnect: CONTINUE`), unless it says otherwise itself. Default: the client's.
   */
  readonly autoResume?: boolean | undefined;
}

/** A request that goes on when its caller is gone, unless it says what becomes of it then. */
export function goingOn(request: ChatRequestInit): ChatRequestInit {
  const { onDisconnect = OnDisconnect.UNSPECIFIED } = request;
  return onDisconnect === OnDisconnect.UNSPECIFIED
    ? ({ ...request, onDisconnect: OnDisconnect.CONTINUE } as ChatRequestInit)
    : request;
}
