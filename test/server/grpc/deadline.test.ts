import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "@jest/globals";
import { textDelta } from "../../../src/contract/events.ts";
import { finishedEvent, type Play } from "../../support/scripted-adapter.ts";
import { waitFor, within } from "../../support/wait.ts";
import { chat, chatBytes, detailsOf, withClient } from "./client.ts";
import { playAndWait, playDead, playEndlessly, playLater } from "./plays.ts";
import { chatHeaders, frame, rawCall, withSession } from "./raw.ts";
import { withListener } from "./setup.ts";

const ended = { code: status.DEADLINE_EXCEEDED, info: { reason: "DEADLINE" } };

describe("a deadline over gRPC", () => {
  // Mutant seen red: `grpc-timeout` left to grpc-js, whose timer overflows and fires at once.
  test.each(["99999999H", "99999999M", "99999999S", "2147483S", "2147484S", "00000010S"])(
    "that is absurd or just long lets the call run: %s",
    async (timeout) => {
      await withListener({ play: playLater }, async ({ port }) => {
        await withSession(port, async (session) => {
          const { failure } = await rawCall(session, [frame(chatBytes())], { "grpc-timeout": timeout });
          expect(failure.code).toBe(status.OK);
        });
      });
    },
  );

  // Mutant seen red: the caller's time taken as it is.
  test("is cut to the longest allowed", async () => {
    await withListener({ play: playAndWait, limits: { maxDeadlineMs: 100 } }, async ({ port }) => {
      await withSession(port, async (session) => {
        const { failure } = await rawCall(session, [frame(chatBytes())], { "grpc-timeout": "99999999H" });
        expect(failure).toMatchObject(ended);
        expect(failure.status?.message).toContain("100 ms");
      });
    });
  });

  test("is the configured one where the caller brings none", async () => {
    await withListener({ play: playAndWait, limits: { defaultDeadlineMs: 100 } }, async ({ port }) => {
      await withSession(port, async (session) => {
        expect((await rawCall(session, [frame(chatBytes())])).failure).toMatchObject(ended);
      });
    });
  });

  // Mutants seen red: a persona's timeout without effect; one that only shortens the default.
  test("is the persona's timeout where the caller brings none, be it shorter or longer than the configured one", async () => {
    const personas = (timeoutMs: number) => ({
      default: { name: "default", candidates: [{ provider: "near" }], timeoutMs },
    });
    const short = { play: playAndWait, config: { personas: personas(100) } };
    await withListener(short, async ({ port }) => {
      await withSession(port, async (session) => {
        const { failure } = await rawCall(session, [frame(chatBytes())]);
        expect(failure).toMatchObject(ended);
        expect(failure.status?.message).toContain("100 ms");
        const asked = await rawCall(session, [frame(chatBytes())], { "grpc-timeout": "200m" });
        expect(asked.failure.status?.message).toContain("200 ms");
      });
    });
    const playLonger: Play = async function* ({ step }) {
      await sleep(300);
      yield [textDelta({ step, part: 0 }, "Later"), finishedEvent()];
    };
    const long = { play: playLonger, config: { personas: personas(30_000) }, limits: { defaultDeadlineMs: 120 } };
    await withListener(long, async ({ port }) => {
      await withSession(port, async (session) => {
        expect((await rawCall(session, [frame(chatBytes())])).failure.code).toBe(status.OK);
      });
    });
  });

  // Mutant seen red: the problem of the header not thrown.
  test.each(["", "5", "S", "-5S", "1.5S", "123456789S", "5 S", "5s", "S5", "5Sx", "5S, 6S", "٣S"])(
    "that is malformed is INVALID_FIELD: %j",
    async (timeout) => {
      await withListener({}, async ({ port, dispatcher }) => {
        await withSession(port, async (session) => {
          const { failure } = await rawCall(session, [frame(chatBytes())], { "grpc-timeout": timeout });
          expect(failure).toMatchObject({
            code: status.INVALID_ARGUMENT,
            info: { reason: "INVALID_FIELD" },
            badRequest: { fieldViolations: [{ field: "grpc-timeout" }] },
          });
          expect(dispatcher.running).toBe(0);
        });
      });
    },
  );

  // Mutant seen red: no margin. The client's own deadline then comes first, without details.
  test("ends the call with our status, what was done until then included, before the client's own", async () => {
    await withListener({ play: playAndWait }, async ({ port }) => {
      await withClient(port, async (client) => {
        const { events, failure } = await chat(client, undefined, undefined, { deadline: Date.now() + 1000 });
        expect(failure).toMatchObject({ ...ended, info: { metadata: { partial: "true" } } });
        expect(failure?.chatFailure).toMatchObject({ lastSequence: events.length, attempts: [{ attempt: 0 }] });
      });
    });
  });

  test("ends a call whose request does not come", async () => {
    await withListener({}, async ({ port, dispatcher }) => {
      await withSession(port, async (session) => {
        const { failure } = await rawCall(session, [], { "grpc-timeout": "100m" }, true);
        expect(failure).toMatchObject(ended);
        expect(dispatcher.running).toBe(0);
      });
    });
  });

  // Mutant seen red: the last words waited for without a bound.
  test("ends a call whose provider does not notice", async () => {
    await withListener({ play: playDead }, async ({ port, dispatcher }) => {
      await withSession(port, async (session) => {
        const { failure } = await rawCall(session, [frame(chatBytes())], { "grpc-timeout": "100m" });
        expect(failure).toMatchObject(ended);
        expect(dispatcher.running).toBe(0);
      });
    });
  });

  // Mutants seen red: events written after the end; a stream that ends well taken for a call that does.
  test("ends a call once, although its provider finishes just then", async () => {
    const play: Play = async function* ({ step, signal }) {
      yield [textDelta({ step, part: 0 }, "almost")];
      await once(signal, "abort");
      yield [finishedEvent()];
    };
    await withListener({ play, limits: { defaultDeadlineMs: 100 } }, async ({ port }) => {
      await withClient(port, async (client) => {
        const { events, failure } = await chat(client);
        expect(failure).toMatchObject(ended);
        expect(events.at(-1)?.event.case).toBe("textDelta");
      });
    });
  });

  // Mutant seen red: `drained` without the signal. The call then lasts until its reader comes back.
  test("ends a call whose reader has stopped, and closes its provider", async () => {
    const endless = playEndlessly("x".repeat(1000));
    await withListener({ play: endless.play }, async ({ port, dispatcher }) => {
      await withSession(port, async (session) => {
        const stream = session.request({ ...chatHeaders, "grpc-timeout": "300m" });
        stream.end(frame(chatBytes()));
        await waitFor(() => endless.closed() === 1, { what: "the provider's end" });
        await waitFor(() => dispatcher.running === 0, { what: "the call's end" });
        const [trailers] = await within(Promise.all([once(stream, "trailers"), stream.resume()]), {
          what: "the status",
        }).then(([given]) => given);
        expect(detailsOf(trailers)).toMatchObject({ ...ended, chatFailure: { attempts: [{ attempt: 0 }] } });
      });
    });
  });
});
