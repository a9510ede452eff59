import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { fixtureNames, loadFixture, toExchange } from "../support/recordings.ts";
import { waitFor } from "../support/wait.ts";
import { post } from "./client.ts";
import { createEmulator, type Emulator } from "./emulator.ts";
import type { Delivery } from "./exchange.ts";
import { firstEvents, splitEvents } from "./split.ts";

let emulator: Emulator;
beforeEach(async () => {
  emulator = await createEmulator();
});
afterEach(() => emulator.close());

const lossless: readonly Delivery[] = [
  { kind: "whole" },
  { kind: "event-per-write" },
  { kind: "byte-per-write" },
  { kind: "random-splits" },
];
const stream = loadFixture("crlf-comments");
const url = () => `${emulator.baseUrl}/v1/chat/completions`;

/** The first `count` events of the stream as they are on the wire. */
function wireEvents(count: number): Buffer {
  return Buffer.concat(firstEvents(stream.body, count));
}

/** Sends a request whose client leaves once `enough` holds for the bytes it has. */
async function leaveWhen(enough: (receivedBytes: number) => boolean) {
  const controller = new AbortController();
  let receivedBytes = 0;
  const answer = post(url(), "{}", {
    signal: controller.signal,
    onPiece(piece) {
      receivedBytes += piece.length;
    },
  });
  const request = await emulator.waitForRequest(0);
  await waitFor(() => enough(receivedBytes), { what: "the bytes before the silence" });
  expect(emulator.inFlight()).toBe(1);
  expect(request.how).toBeUndefined();
  controller.abort();
  expect(await request.closed).toBe("client-closed");
  expect(emulator.inFlight()).toBe(0);
  return answer;
}

describe.each(lossless)("the lossless delivery $kind", (delivery) => {
  test.each(fixtureNames)("gives a plain client every byte of %s", async (name) => {
    const fixture = loadFixture(name);
    emulator.enqueue(toExchange(fixture, delivery));
    const answer = await post(url(), "{}");
    expect({ seed: emulator.seed, equal: Buffer.from(answer.body).equals(fixture.body) }).toEqual({
      seed: emulator.seed,
      equal: true,
    });
    expect(answer).toMatchObject({ status: fixture.responseStatus, complete: true, errorCode: undefined });
    expect(answer.headers["content-type"]).toBe(fixture.responseHeaders["content-type"]);
    await emulator.waitForIdle();
    expect(emulator.requests[0]).toMatchObject({ how: "completed", sentBytes: fixture.body.length });
  });

  test("gives fetch every byte too", async () => {
    emulator.enqueue(toExchange(stream, delivery));
    const response = await fetch(url(), { method: "POST", body: "{}" });
    expect(Buffer.from(await response.arrayBuffer()).equals(stream.body)).toBe(true);
  });
});

describe("the pieces of a delivery", () => {
  test("a whole JSON body has a content-length and comes in one piece; a whole stream is one chunk", async () => {
    const json = loadFixture("whole-tool-call");
    emulator.enqueue(toExchange(json, { kind: "whole" }), toExchange(stream, { kind: "whole" }));
    const jsonAnswer = await post(url(), "{}");
    expect(jsonAnswer.headers["content-length"]).toBe(String(json.body.length));
    expect(jsonAnswer.headers["transfer-encoding"]).toBeUndefined();
    expect(jsonAnswer.pieces).toHaveLength(1);
    const streamAnswer = await post(url(), "{}");
    expect(streamAnswer.headers["content-length"]).toBeUndefined();
    expect(streamAnswer.headers["transfer-encoding"]).toBe("chunked");
    expect(streamAnswer.pieces).toHaveLength(1);
  });

  test("a split JSON body is chunked", async () => {
    emulator.enqueue(toExchange(loadFixture("whole-tool-call"), { kind: "byte-per-write" }));
    const { headers } = await post(url(), "{}");
    expect(headers).toMatchObject({ "transfer-encoding": "chunked" });
    expect(headers["content-length"]).toBeUndefined();
  });

  test("one event, one write, comments included", async () => {
    emulator.enqueue(toExchange(stream, { kind: "event-per-write", delayMs: 2 }));
    const { pieces } = await post(url(), "{}");
    expect(pieces.map(String)).toEqual(splitEvents(stream.body).map(({ bytes }) => String(bytes)));
  });

  test("one byte, one write", async () => {
    emulator.enqueue(toExchange(stream, { kind: "byte-per-write" }));
    const { pieces } = await post(url(), "{}");
    expect(pieces).toHaveLength(stream.body.length);
  });

  test("random splits follow their own seed", async () => {
    const delivery: Delivery = { kind: "random-splits", seed: 42 };
    emulator.enqueue(toExchange(stream, delivery), toExchange(stream, delivery));
    const lengths = async () => (await post(url(), "{}")).pieces.map((piece) => piece.length);
    const first = await lengths();
    expect(first.length).toBeGreaterThan(1);
    expect(await lengths()).toEqual(first);
  });
});

describe("a cut delivery", () => {
  test.each([
    { ending: {}, name: "a FIN" },
    { ending: { reset: true }, name: "a RST" },
  ])("after k events ends in $name: those events, then an error", async ({ ending }) => {
    emulator.enqueue(toExchange(stream, { kind: "cut-after-events", events: 2, ...ending }));
    const answer = await post(url(), "{}");
    expect(answer.status).toBe(200);
    expect(Buffer.from(answer.body).equals(wireEvents(2))).toBe(true);
    expect(answer).toMatchObject({ complete: false, errorCode: "ECONNRESET" });
    await emulator.waitForIdle();
    expect(emulator.requests[0]?.how).toBe("cut");
  });

  test("after k events cleanly: those events and a faultless end", async () => {
    emulator.enqueue(toExchange(stream, { kind: "cut-after-events", events: 3, clean: true }));
    const answer = await post(url(), "{}");
    expect(Buffer.from(answer.body).equals(wireEvents(3))).toBe(true);
    expect(answer).toMatchObject({ complete: true, errorCode: undefined });
    expect(emulator.requests[0]?.how).toBe("completed");
  });

  test("after more events than there are still breaks the connection", async () => {
    emulator.enqueue(toExchange(stream, { kind: "cut-after-events", events: 1000 }));
    const answer = await post(url(), "{}");
    expect(Buffer.from(answer.body).equals(stream.body)).toBe(true);
    expect(answer.complete).toBe(false);
  });

  test.each([0, 1, 77])("after %i bytes: those bytes, then an error", async (count) => {
    emulator.enqueue(toExchange(stream, { kind: "cut-after-bytes", bytes: count }));
    const answer = await post(url(), "{}");
    expect(answer).toMatchObject({ status: 200, complete: false, errorCode: "ECONNRESET" });
    expect(Buffer.from(answer.body).equals(stream.body.subarray(0, count))).toBe(true);
  });

  test("makes fetch reject in the middle of the body", async () => {
    emulator.enqueue(toExchange(stream, { kind: "cut-after-events", events: 1 }));
    const response = await fetch(url(), { method: "POST", body: "{}" });
    await expect(response.text()).rejects.toThrow("terminated");
  });

  test.each([{}, { reset: true }])("before the headers gives no answer at all (%j)", async (ending) => {
    emulator.enqueue({ delivery: { kind: "drop-before-headers", ...ending } });
    const answer = await post(url(), "{}");
    expect(answer).toMatchObject({ status: undefined, errorCode: "ECONNRESET" });
    await emulator.waitForIdle();
    expect(emulator.requests[0]?.how).toBe("cut");
  });
});

describe("a stalled delivery", () => {
  test("sends k events, stays silent and sees the client leave", async () => {
    emulator.enqueue(toExchange(stream, { kind: "stall-after-events", events: 2 }));
    const sent = wireEvents(2);
    const answer = await leaveWhen((receivedBytes) => receivedBytes === sent.length);
    expect(Buffer.from(answer.body).equals(sent)).toBe(true);
  });

  test("with no event sends the headers alone", async () => {
    emulator.enqueue(toExchange(stream, { kind: "stall-after-events", events: 0 }));
    const controller = new AbortController();
    const response = await fetch(url(), { method: "POST", body: "{}", signal: controller.signal });
    expect(response.status).toBe(200);
    controller.abort();
    expect(await emulator.requests[0]?.closed).toBe("client-closed");
  });

  test("that holds the headers never answers and sees the client leave", async () => {
    emulator.enqueue(toExchange(stream, { kind: "hold-headers" }));
    const answer = await leaveWhen(() => true);
    expect(answer.status).toBeUndefined();
  });

  test("is told from a slow one: a client that leaves between two paced events is seen at once", async () => {
    emulator.enqueue(toExchange(stream, { kind: "event-per-write", delayMs: 3_600_000 }));
    const first = splitEvents(stream.body)[0]?.bytes ?? new Uint8Array();
    const answer = await leaveWhen((receivedBytes) => receivedBytes === first.length);
    expect(Buffer.from(answer.body).equals(first)).toBe(true);
  });

  test("ends when the emulator closes", async () => {
    emulator.enqueue({ delivery: { kind: "hold-headers" } });
    const answer = post(url(), "{}");
    const request = await emulator.waitForRequest(0);
    await emulator.close();
    expect(request.how).toBe("emulator-closed");
    expect((await answer).errorCode).toBe("ECONNRESET");
  });
});

describe("a client that reads slowly", () => {
  test("holds the writes back, and gets every byte in the end", async () => {
    const event = Buffer.from(`data: ${"x".repeat(64 * 1024)}\n\n`);
    const body = Buffer.concat(Array.from({ length: 400 }, () => event));
    emulator.enqueue({ headers: { "content-type": "text/event-stream" }, body, delivery: { kind: "event-per-write" } });
    const controller = new AbortController();
    try {
      const response = await fetch(url(), { method: "POST", body: "{}", signal: controller.signal });
      const request = await emulator.waitForRequest(0);
      // The socket buffers fill first; then the count stands still.
      let before = -1;
      while (before !== request.sentBytes) {
        before = request.sentBytes;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(request.sentBytes).toBeLessThan(body.length);
      expect(request.how).toBeUndefined();
      expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
      expect(await request.closed).toBe("completed");
    } finally {
      controller.abort();
    }
  });
});
