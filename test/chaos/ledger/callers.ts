import { Agent, request as send } from "node:http";
import { wordsOf } from "./biller.ts";

/** A call as its caller saw it. */
export interface Call {
  readonly call: number;
  /** True once `finished` was read. */
  readonly sawFinished: boolean;
  /** True once content was read. */
  readonly sawContent: boolean;
}

/** Callers over SSE, each call with a number of its own in words and metadata. */
export interface Callers {
  readonly calls: readonly Call[];
  /** Begins a call. `ended` runs when it has ended, whatever way. */
  begin(pieces: number, everyMs: number, ended?: () => void): void;
  close(): void;
}

/** Creates callers of a gateway; their first call has the number `first`. */
export function createCallers(httpPort: number, first: number): Callers {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const calls: { call: number; sawFinished: boolean; sawContent: boolean }[] = [];
  return {
    calls,
    begin: (pieces, everyMs, ended = () => undefined) => {
      const seen = { call: first + calls.length, sawFinished: false, sawContent: false };
      calls.push(seen);
      const parts = [{ text: { text: wordsOf(seen.call, pieces, everyMs) } }];
      const body = { messages: [{ role: "MESSAGE_ROLE_USER", parts }], metadata: { call: String(seen.call) } };
      const options = { agent, host: "127.0.0.1", port: httpPort, path: "/v1/chat", method: "POST" };
      const request = send({ ...options, headers: { "content-type": "application/json" } }, (response) => {
        response.setEncoding("utf8").on("data", (text: string) => {
          seen.sawContent ||= text.includes("event: token");
          seen.sawFinished ||= text.includes("event: done");
        });
        response.on("error", () => undefined).on("close", ended);
      });
      request.on("error", ended);
      request.end(JSON.stringify(body));
    },
    close: () => agent.destroy(),
  };
}
