import { createServer, type ServerResponse } from "node:http";
import { type Billed, type BillerWire, WIRES } from "./wires.ts";

/** What the provider bills for one request: its own word, whatever became of the gateway. */
export interface Bill {
  readonly wire: BillerWire;
  /** The call that the request's words name. */
  readonly call: number;
  /** Unique, as providers' ids are. */
  readonly answerId: string;
  readonly inputTokens: number;
  /** When the request had come, in milliseconds since the epoch. */
  readonly arrivedAtMs: number;
  /** When each piece was written, in milliseconds since the epoch; `outputTokensAt` makes tokens of it. */
  readonly writtenAtMs: readonly number[];
  /** True once the end of the answer was written. */
  readonly isEnded: boolean;
}

/** How an answer comes: so many pieces, so many of them at once, and then a pause. */
export interface Pace {
  readonly pieces: number;
  readonly atOnce: number;
  readonly everyMs: number;
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
const TOKENS_A_PIECE = 16;
const BYTES_A_TOKEN = 4;
const piece = "a word, ".repeat((TOKENS_A_PIECE * BYTES_A_TOKEN) / 8);

/** Output tokens that the bill had at a time: those that the beginning of an answer has, and those of the pieces. */
export function outputTokensAt({ wire, arrivedAtMs, writtenAtMs }: Bill, atMs: number): number {
  const first = arrivedAtMs <= atMs ? wire.firstTokens : 0;
  return first + TOKENS_A_PIECE * writtenAtMs.filter((each) => each <= atMs).length;
}

/** The words of a call's request: how the provider is to answer it. */
export function wordsOf(call: number, { pieces, atOnce, everyMs }: Pace): string {
  return `call ${call}: ${pieces} pieces, ${atOnce} in ${everyMs} ms`;
}

type OpenBill = { -readonly [Name in keyof Bill]: Bill[Name] } & { readonly writtenAtMs: number[] };

/** Starts a server that speaks all wires. */
export async function startBiller(): Promise<Biller> {
  const bills: OpenBill[] = [];
  let onEnded: (() => void) | undefined;
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      const wire = WIRES.find(({ speaks }) => speaks(request.url ?? ""));
      if (wire === undefined) throw new Error(`nobody speaks ${request.url}`);
      const words = /call (\d+): (\d+) pieces, (\d+) in (\d+) ms/.exec(body) ?? [];
      const [call = 0, pieces = 0, atOnce = 0, everyMs = 0] = words.slice(1).map(Number);
      const bill = {
        ...{ wire, call, answerId: `answer_${bills.length}`, inputTokens: 20 + (call % 7) },
        ...{ arrivedAtMs: Date.now(), writtenAtMs: [], isEnded: false },
      };
      bills.push(bill);
      answer(response, bill, { pieces, atOnce, everyMs }, () => {
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

function answer(response: ServerResponse, bill: OpenBill, { pieces, atOnce, everyMs }: Pace, ended: () => void): void {
  const { wire, writtenAtMs } = bill;
  const billed = (): Billed => ({ ...bill, outputTokens: outputTokensAt(bill, Number.POSITIVE_INFINITY) });
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  response.flushHeaders();
  response.write(wire.opening(billed()));
  const timer = setInterval(() => {
    if (response.destroyed) return clearInterval(timer);
    if (writtenAtMs.length >= pieces) {
      clearInterval(timer);
      response.end(wire.ending(billed()));
      bill.isEnded = true;
      ended();
      return;
    }
    for (let each = 0; each < atOnce && writtenAtMs.length < pieces; each += 1) {
      // Counted first: a chunk that tells its usage tells its own with it.
      writtenAtMs.push(Date.now());
      response.write(wire.piece(piece, billed()));
    }
  }, everyMs);
}
