import { type ClientHttp2Session, connect } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { MessageRole } from "../../src/gen/execution/v1/content_pb.js";
import { ExecutionService } from "../../src/gen/execution/v1/execution_pb.js";
import { createEmulator } from "../emulators/emulator.ts";
import { syntheticChat } from "../emulators/synthetic-chat.ts";
import { askGrpc } from "./clients.ts";
import { type ObservedGateway, startObserved } from "./observed.ts";
import type { Scenario } from "./scenario.ts";

const perSecond = 500;
const answerBytes = 20_000;
const boundBytes = 64 * 1024 * 1024;
/** What may be held beside the logs: heads and last events of the ten thousand streams that are known, and what a process at work holds more than one that is new. */
const besideBytes = 32 * 1024 * 1024;
const tickMs = 5;
const lookMs = 100;
const connections = 8;
const everyMarked = 100;

/** A call whose stream is come back to. */
interface Marked {
  readonly resumeToken: string;
  readonly finished: boolean;
}

/**
 * Callers come at a fixed rate, whatever becomes of them, for answers of 20 KB; `size` is for how many seconds. What is kept of their streams must
 * stay below its bound at every moment, and what goes first must be what ended first: the newest streams can be come back to, from some one on the
 * older ones cannot. Mutants seen red: the newest log dropped first; logs kept whole at the bound; in the long form, last events kept in Node's pool of
 * small buffers.
 */
export const logBound: Scenario = {
  name: "log bound",
  run: async ({ seed, size }) => {
    const text = "x".repeat(answerBytes);
    const { body } = syntheticChat({ seed, chunks: 20, text });
    const headers = { "content-type": "text/event-stream" };
    const emulator = await createEmulator({ seed, answer: () => ({ headers, body }) });
    const gateway = await startObserved(`providers:
  chaos: { kind: openai, base_url: "${emulator.baseUrl}/v1" }
personas:
  default: { candidates: [{ provider: chaos, model: any }] }
`);
    const sessions = Array.from({ length: connections }, () => connect(`http://127.0.0.1:${gateway.grpcPort}`));
    const client = createClient(
      ExecutionService,
      createGrpcTransport({ baseUrl: `http://127.0.0.1:${gateway.grpcPort}` }),
    );
    const ask = async (): Promise<Marked> => {
      let resumeToken = "";
      let finished = false;
      const parts = [{ kind: { case: "text" as const, value: { text: "hi" } } }];
      for await (const { event } of client.chat({ messages: [{ role: MessageRole.USER, parts }] })) {
        if (event.case === "started") resumeToken = event.value.resumeToken;
        finished = event.case === "finished";
      }
      return { resumeToken, finished };
    };
    /** True if the whole of a stream can be had again. */
    const comesBack = async ({ resumeToken }: Marked): Promise<boolean> => {
      let last: string | undefined;
      try {
        for await (const { event } of client.resume({ resumeToken })) last = event.case;
        return last === "finished";
      } catch (thrown) {
        // Nothing is known of a stream any more once ten thousand have ended after it.
        const { code } = ConnectError.from(thrown);
        if (code === Code.OutOfRange || code === Code.NotFound) return false;
        throw thrown;
      }
    };
    try {
      const before = await gateway.observe("collect");
      const looking = watch(gateway);
      const { asked, marked } = await askAtRate(sessions, ask, size);
      const statuses = await Promise.all(asked);
      const streams = (await Promise.allSettled(marked)).flatMap((each) =>
        each.status === "fulfilled" ? [each.value] : [],
      );
      const most = await looking.end();
      const after = await gateway.observe("collect");
      const back: boolean[] = [];
      for (const each of streams) back.push(await comesBack(each));
      const oldestKept = back.indexOf(true);
      const inOrder = back.slice(Math.max(0, oldestKept)).every((each) => each);
      const answered = statuses.filter((status) => status === 0).length;
      const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
      return [
        {
          text: `${statuses.length + marked.length} calls in ${size} s for ${answerBytes} bytes each, ${answered + streams.length} of them answered, ${mib((answered + streams.length) * answerBytes)} MiB in all`,
          failed: answered < 0.9 * statuses.length,
        },
        {
          text: `the logs hold at most ${mib(most)} MiB, bound ${mib(boundBytes)}`,
          failed: most > boundBytes || most < boundBytes / 2,
        },
        {
          text: `of ${back.length} streams ${back.filter((each) => each).length} can be come back to, ${inOrder ? "which are the newest" : "and newer ones cannot"}`,
          failed: oldestKept <= 0 || !inOrder,
        },
        {
          text: `held ${mib(before.heldBytes)} MiB before, ${mib(after.heldBytes)} after: ${mib(after.heldBytes - before.heldBytes)} more, bound ${mib(boundBytes + besideBytes)}; resident ${mib(before.rssBytes)} and ${mib(after.rssBytes)}`,
          failed: after.heldBytes - before.heldBytes > boundBytes + besideBytes,
        },
        { text: `the gateway is ${gateway.alive() ? "alive" : "gone"}`, failed: !gateway.alive() },
      ];
    } finally {
      for (const session of sessions) session.destroy();
      await gateway.stop();
      await emulator.close();
    }
  },
};

/** Looks again and again at what the logs hold; gives the most there was. */
function watch(gateway: ObservedGateway): { end(): Promise<number> } {
  let over = false;
  const look = async (): Promise<number> => {
    let most = 0;
    while (!over) {
      const { held } = await gateway.observe();
      most = Math.max(most, held.logBytes);
      await sleep(lookMs);
    }
    return most;
  };
  const looked = look();
  return {
    end: () => {
      over = true;
      return looked;
    },
  };
}

/** Makes calls at the rate, none of which waits for another; marks one in a hundred. */
async function askAtRate(
  sessions: readonly ClientHttp2Session[],
  mark: () => Promise<Marked>,
  seconds: number,
): Promise<{ readonly asked: readonly Promise<number>[]; readonly marked: readonly Promise<Marked>[] }> {
  const asked: Promise<number>[] = [];
  const marked: Promise<Marked>[] = [];
  const startedAtMs = performance.now();
  for (let elapsedMs = 0; elapsedMs < seconds * 1000; elapsedMs = performance.now() - startedAtMs) {
    const due = Math.min(seconds * perSecond, Math.ceil((elapsedMs / 1000) * perSecond));
    for (let count = asked.length + marked.length; count < due; count += 1) {
      const session = sessions[count % sessions.length];
      if (session === undefined) throw new Error("there is no connection");
      if (count % everyMarked !== 0) asked.push(askGrpc(session, "any", `call ${count}`));
      else {
        const call = mark();
        call.catch(() => undefined);
        marked.push(call);
      }
    }
    await sleep(tickMs);
  }
  return { asked, marked };
}
