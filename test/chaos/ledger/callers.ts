import { Agent, request as send } from "node:http";
import { type Pace, wordsOf } from "./biller.ts";
import { wireOf } from "./wires.ts";

/** A call as its caller saw it. */
export interface Call {
  readonly call: number;
  /** When it was begun, in milliseconds since the epoch. */
  readonly beganAtMs: number;
  /** True once `finished` was read. */
  readonly sawFinished: boolean;
  /** Bytes of text that were read. */
  readonly textBytes: number;
}

/** Callers over SSE, each call with a number of its own in words and metadata. */
export interface Callers {
  readonly calls: readonly Call[];
  /** Begins a call. `ended` runs when it has ended, whatever way. */
  begin(pace: Pace, ended?: () => void): void;
  close(): void;
}

/** Creates callers of a gateway; their first call has the number `first`. */
export function createCallers(httpPort: number, first: number): Callers {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const calls: { -readonly [Name in keyof Call]: Call[Name] }[] = [];
  return {
    calls,
    begin: (pace, ended = () => undefined) => {
      const seen = { call: first + calls.length, beganAtMs: Date.now(), sawFinished: false, textBytes: 0 };
      calls.push(seen);
      const parts = [{ text: { text: wordsOf(seen.call, pace) } }];
      const persona = wireOf(seen.call).kind;
      const body = { persona, messages: [{ role: "MESSAGE_ROLE_USER", parts }], metadata: { call: String(seen.call) } };
      const options = { agent, host: "127.0.0.1", port: httpPort, path: "/v1/chat", method: "POST" };
      const request = send({ ...options, headers: { "content-type": "application/json" } }, (response) => {
        let unread = "";
        response.setEncoding("utf8").on("data", (text: string) => {
          const events = `${unread}${text}`.split("\n\n");
          unread = events.pop() ?? "";
          for (const event of events) {
            seen.textBytes += textOf(event).length;
            seen.sawFinished ||= event.includes("event: done");
          }
        });
        response.on("error", () => undefined).on("close", ended);
      });
      request.on("error", ended);
      request.end(JSON.stringify(body));
    },
    close: () => agent.destroy(),
  };
}

/** The text of an event, if it is one of text. */
function textOf(event: string): string {
  const [, data] = /^event: token\ndata: (.*)$/m.exec(event) ?? [];
  return data === undefined ? "" : (JSON.parse(data) as { readonly text: string }).text;
}
