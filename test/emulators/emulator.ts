import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createNotice, within } from "../support/wait.ts";
import { deliver } from "./deliver.ts";
import type { Answer, Exchange, ReceivedRequest } from "./exchange.ts";
import { planDelivery } from "./plan.ts";
import { createRandom, type Random, runSeed } from "./random.ts";
import { createRequestRecord, type RequestRecord } from "./record.ts";
import { createScript, type RouteMatch, refusal } from "./script.ts";

/** Everything an emulator can be given. */
export interface EmulatorOptions {
  /** Seeds whatever the emulator draws at random; default `runSeed()`. */
  readonly seed?: number;
  /** Replaces the generator made from `seed`. */
  readonly random?: Random;
  /** The clock of `receivedAtMs` and `closedAtMs`; default milliseconds since the epoch, monotonic, sub-millisecond. */
  readonly now?: () => number;
  /** Answers what neither a route nor the queue does. Without it such a request gets 501. */
  readonly answer?: Answer;
}

/** A running provider emulator. */
export interface Emulator {
  /** `http://127.0.0.1:PORT`, without a path: every path is served. */
  readonly baseUrl: string;
  readonly port: number;
  /** Print it when a test over random splits fails; `EP_TEST_SEED` repeats the run. */
  readonly seed: number;
  /** Every request in order of arrival, the running ones included. */
  readonly requests: readonly ReceivedRequest[];
  /** Answers the next requests that no route takes, one exchange each, in order. */
  enqueue(...exchanges: readonly Exchange[]): void;
  /** Answers each request that fits; the route added last is asked first, before the queue. */
  route(match: RouteMatch, answer: Answer): void;
  /** Requests that have arrived and are not over. */
  inFlight(): number;
  /** Open TCP connections, idle ones included. */
  connections(): number;
  /** The request with this index, once its body has arrived or it is over; rejects after `timeoutMs` (10,000). */
  waitForRequest(index: number, timeoutMs?: number): Promise<ReceivedRequest>;
  /** Resolves when no request is in flight; rejects after `timeoutMs` (default 10,000). */
  waitForIdle(timeoutMs?: number): Promise<void>;
  /**
   * Closes every connection and the port. Rejects with what an `answer` function or a delivery threw meanwhile, so
   * that an expectation that failed inside one fails its test. Closing twice is harmless.
   */
  close(): Promise<void>;
}

/** The whole body, or undefined where the client left before its end. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk);
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks);
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the emulator listens on no TCP port");
  return address.port;
}

/**
 * Starts an HTTP/1.1 server on a free port of 127.0.0.1 that plays scripted provider answers and keeps what it was
 * sent. It is blind: it knows nothing of the code under test but its requests. Close it in every test that makes one.
 */
export async function createEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const seed = options.seed ?? runSeed();
  const random = options.random ?? createRandom(seed);
  const now = options.now ?? (() => performance.timeOrigin + performance.now());
  const records: RequestRecord[] = [];
  const received: ReceivedRequest[] = [];
  const script = createScript(options.answer);
  const failures: unknown[] = [];
  const running = new Set<Promise<void>>();
  const connectionNumbers = new WeakMap<object, number>();
  const notice = createNotice();
  let acceptedConnections = 0;
  let openConnections = 0;
  let inFlight = 0;
  let closing: Promise<void> | undefined;

  const answer = async (request: IncomingMessage, response: ServerResponse, record: RequestRecord) => {
    const rawBody = await readBody(request);
    if (rawBody === undefined) return;
    record.setBody(rawBody);
    try {
      // An answer that its function never gives must not keep the emulator from closing.
      const exchange = await Promise.race([
        script.choose(record.received),
        record.received.closed.then(() => undefined),
      ]);
      if (exchange === undefined) return;
      const delivery = { signal: record.signal, onSent: record.addSentBytes, onBreak: record.cut };
      await deliver(exchange, planDelivery(exchange, random), response, delivery);
    } catch (error) {
      failures.push(error);
      if (response.headersSent) response.socket?.resetAndDestroy();
      else response.writeHead(500).end(refusal(500, "the scripted answer failed; close() says why").body);
    }
  };

  const server = createServer({ noDelay: true, keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => {
    const record = createRequestRecord(request, {
      index: records.length,
      connection: connectionNumbers.get(request.socket) ?? -1,
      receivedAtMs: now(),
    });
    records.push(record);
    received.push(record.received);
    inFlight += 1;
    notice.notify();
    response.on("error", () => {
      // The close event that follows tells what matters.
    });
    response.once("close", () => {
      const brokenOff = closing === undefined ? "client-closed" : "emulator-closed";
      inFlight -= 1;
      record.close(response.writableFinished ? "completed" : brokenOff, now());
      notice.notify();
    });
    const run = answer(request, response, record).finally(() => running.delete(run));
    running.add(run);
  });
  server.on("connection", (socket) => {
    connectionNumbers.set(socket, acceptedConnections);
    acceptedConnections += 1;
    openConnections += 1;
    socket.once("close", () => {
      openConnections -= 1;
      notice.notify();
    });
  });
  const port = await listen(server);

  const shutDown = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    server.closeAllConnections();
    await closed;
    await Promise.all(running);
    await notice.until(() => openConnections === 0, { what: "the emulator's connections to close" });
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, `${failures.length} scripted answers failed`);
  };

  return {
    baseUrl: `http://127.0.0.1:${port}`,
    port,
    seed,
    requests: received,
    enqueue: (...exchanges) => script.enqueue(exchanges),
    route: script.route,
    inFlight: () => inFlight,
    connections: () => openConnections,
    async waitForRequest(index, timeoutMs) {
      await notice.until(() => records.length > index, { what: `request ${index} to arrive`, timeoutMs });
      const record = records[index];
      if (record === undefined) throw new RangeError(`there is no request ${index}`);
      await within(record.settled, { what: `the body of request ${index}`, timeoutMs });
      return record.received;
    },
    waitForIdle: (timeoutMs) => notice.until(() => inFlight === 0, { what: "all requests to be over", timeoutMs }),
    close() {
      closing ??= shutDown();
      return closing;
    },
  };
}
