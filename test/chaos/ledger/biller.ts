import { createServer, type ServerResponse } from "node:http";

/** What the provider bills for one request: its own word, whatever became of the gateway. */
export interface Bill {
  /** The call that the request's words name. */
  readonly call: number;
  /** Unique, as providers' ids are. */
  readonly answerId: string;
  readonly inputTokens: number;
  /** When each piece was written, in milliseconds since the epoch; `outputTokensAt` makes tokens of it. */
  readonly writtenAtMs: readonly number[];
  /** True once the end of the answer was written. */
  readonly isEnded: boolean;
}

/** A provider that keeps its own bill. */
export interface Biller {
  readonly baseUrl: string;
  /** Every request whose body came whole, in order of arrival. */
  readonly bills: readonly Bill[];
  /** Runs once, after the next end of an answer is written. */
  onceEnded(run: () => void): void;
  close(): Promise<void>;
}

/** Tokens of a piece of an answer, and its bytes a token, which are those of an estimate, so that the two can be compared. */
export const TOKENS_A_PIECE = 16;
export const BYTES_A_TOKEN = 4;
const piece = "a word, ".repeat((TOKENS_A_PIECE * BYTES_A_TOKEN) / 8);

/** Output tokens that the bill had at a time: the one that the beginning of an answer has, and those of the pieces. */
export function outputTokensAt({ writtenAtMs }: Bill, atMs: number): number {
  return 1 + TOKENS_A_PIECE * writtenAtMs.filter((each) => each <= atMs).length;
}

/** The words of a call's request: how the provider is to answer it. */
export function wordsOf(call: number, pieces: number, everyMs: number): string {
  return `call ${call}: ${pieces} pieces, one in ${everyMs} ms`;
}

type OpenBill = { -readonly [Name in keyof Bill]: Bill[Name] } & { readonly writtenAtMs: number[] };

/** Starts a server that speaks Anthropic's Messages API, which tells the input at the beginning and the output at the end. */
export async function startBiller(): Promise<Biller> {
  const bills: OpenBill[] = [];
  let onEnded: (() => void) | undefined;
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      const [, call, pieces, everyMs] = /call (\d+): (\d+) pieces, one in (\d+) ms/.exec(body) ?? [];
      const answerId = `msg_${bills.length}`;
      const bill = {
        call: Number(call),
        answerId,
        inputTokens: 20 + (Number(call) % 7),
        writtenAtMs: [],
        isEnded: false,
      };
      bills.push(bill);
      answer(response, bill, Number(pieces), Number(everyMs), () => {
        onEnded?.();
        onEnded = undefined;
      });
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  return {
    baseUrl: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    bills,
    onceEnded: (run) => {
      onEnded = run;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

function answer(response: ServerResponse, bill: OpenBill, pieces: number, everyMs: number, ended: () => void): void {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  const usage = {
    input_tokens: bill.inputTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: 1,
  };
  const message = {
    id: bill.answerId,
    type: "message",
    role: "assistant",
    model: "m",
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage,
  };
  response.write(
    event({ type: "message_start", message }) +
      event({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
  );
  const timer = setInterval(() => {
    if (response.destroyed) {
      clearInterval(timer);
    } else if (bill.writtenAtMs.length < pieces) {
      response.write(event({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: piece } }));
      bill.writtenAtMs.push(Date.now());
    } else {
      clearInterval(timer);
      const total = { output_tokens: outputTokensAt(bill, Number.POSITIVE_INFINITY) };
      const delta = { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: total };
      response.end(event({ type: "content_block_stop", index: 0 }) + event(delta) + event({ type: "message_stop" }));
      bill.isEnded = true;
      ended();
    }
  }, everyMs);
}

function event(data: { readonly type: string; readonly [key: string]: unknown }): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}
