import { createServer, type Server, type ServerResponse } from "node:http";
import { integerBetween, type Random } from "../../emulators/random.ts";
import { syntheticChat } from "../../emulators/synthetic-chat.ts";

/** What a provider does wrong, by name. */
type Fault = (response: ServerResponse, events: readonly string[]) => void;

/** A provider that speaks chat completions and now and then fails. Unlike the emulator it keeps nothing of what it was asked. */
export interface SoakProvider {
  readonly baseUrl: string;
  /** How often each fault was played. */
  readonly faults: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

const SSE = { "content-type": "text/event-stream" };
const JSON_TYPE = { "content-type": "application/json" };
const ERROR = JSON.stringify({ error: { message: "planted", type: "server_error" } });

const FAULTS: Readonly<Record<string, Fault>> = {
  "503": (response) => response.writeHead(503, JSON_TYPE).end(ERROR),
  "429": (response) => response.writeHead(429, { ...JSON_TYPE, "retry-after": "1" }).end(ERROR),
  "reset before headers": (response) => response.socket?.resetAndDestroy(),
  "reset in the answer": (response, events) => {
    response.writeHead(200, SSE).write(events.slice(0, 4).join(""), () => response.socket?.resetAndDestroy());
  },
  "no end marker": (response, events) => {
    response.writeHead(200, SSE).end(events.slice(0, 4).join(""));
  },
  "malformed event": (response, events) => {
    response.writeHead(200, SSE).end(`${events.slice(0, 4).join("")}data: {"choices":[{\n\n`);
  },
  stall: (response, events) => {
    response.writeHead(200, SSE).write(events.slice(0, 4).join(""));
  },
};

/** How the provider answers. */
export interface SoakProviderOptions {
  readonly random: Random;
  /** Share of the answers that are faults. */
  readonly faulty: number;
  /** Between the pieces of an answer. */
  readonly delayMs: number;
}

/** Starts it on a free port. A model called `quick` is answered at once and well. */
export async function startSoakProvider({ random, faulty, delayMs }: SoakProviderOptions): Promise<SoakProvider> {
  const answers = Array.from({ length: 16 }, (_, index) => eventsOf(integerBetween(random, 1, 1000), 8 + 2 * index));
  const faults = new Map<string, number>();
  const names = Object.keys(FAULTS);
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    response.on("error", () => undefined);
    request
      .on("error", () => undefined)
      .on("end", () => {
        const events = answers[integerBetween(random, 0, answers.length - 1)] ?? [];
        if (body.includes('"model":"quick"')) return response.writeHead(200, SSE).end(events.join(""));
        const name = random() < faulty ? names[integerBetween(random, 0, names.length - 1)] : undefined;
        const fault = name === undefined ? undefined : FAULTS[name];
        if (name === undefined || fault === undefined)
          return writeSlowly(response.writeHead(200, SSE), events, delayMs);
        faults.set(name, (faults.get(name) ?? 0) + 1);
        return fault(response, events);
      });
  });
  // Its idle connections are soon gone, so that those that are left when nobody calls are none of its.
  server.keepAliveTimeout = 3_000;
  return {
    baseUrl: `http://127.0.0.1:${await listen(server)}`,
    faults,
    close: async () => {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      server.closeAllConnections();
      await closed;
    },
  };
}

function eventsOf(seed: number, chunks: number): readonly string[] {
  const { body } = syntheticChat({ seed, chunks });
  return Buffer.from(body)
    .toString("utf8")
    .split(/(?<=\n\n)/);
}

/** Writes an answer in four pieces. */
function writeSlowly(response: ServerResponse, events: readonly string[], delayMs: number): void {
  const size = Math.ceil(events.length / 4);
  const write = (at: number): void => {
    if (response.destroyed) return;
    const piece = events.slice(at, at + size).join("");
    if (at + size >= events.length) response.end(piece);
    else {
      response.write(piece);
      setTimeout(write, delayMs, at + size);
    }
  };
  write(0);
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (typeof address === "object" && address !== null) resolve(address.port);
    });
  });
}
