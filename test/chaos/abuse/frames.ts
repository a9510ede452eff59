import * as h2 from "../h2raw.ts";
import {
  type Attack,
  type AttackOutcome,
  type AttackTarget,
  chatBlock,
  countEnded,
  countGone,
  greet,
  pause,
  repeat,
} from "./attack.ts";
import { chatFrame } from "./callers.ts";

const BOTH = ["grpc", "http"] as const;

/** Opens connection after connection, does the worst on each, and waits for it to be closed before the next. */
async function again(
  target: AttackTarget,
  most: number,
  act: (raw: h2.RawHttp2) => Promise<void> | void,
): Promise<AttackOutcome> {
  const connections: h2.RawHttp2[] = [];
  while (target.on() && connections.length < most) {
    const raw = await greet(target);
    connections.push(raw);
    await act(raw);
    await Promise.race([raw.gone, pause(200)]);
    // Whoever is locked out tries again, but does not take the processor from those who are measured.
    await pause(raw.frames.length === 0 ? 20 : 2);
  }
  return countGone(connections);
}

/** Sends one frame over and over until the connection is gone or the time is over. */
function flood(
  name: string,
  mutant: string,
  frame: (wire: AttackTarget["wire"]) => Buffer,
  begin?: (wire: AttackTarget["wire"]) => Buffer,
): Attack {
  return {
    name: `${name} flood`,
    mutant,
    wires: BOTH,
    run: (target) => {
      const piece = Buffer.concat(Array.from({ length: 20_000 }, () => frame(target.wire)));
      return again(target, 2000, async (raw) => {
        if (begin !== undefined) raw.send(begin(target.wire));
        for (let sent = 0; sent < 500 && target.on() && !raw.closed(); sent += 1) {
          raw.send(piece);
          await pause(5);
        }
      });
    },
  };
}

const reflectionBlock = (): Buffer =>
  h2.block({
    ":method": "POST",
    ":scheme": "http",
    ":path": "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ":authority": "localhost",
    "content-type": "application/grpc",
    te: "trailers",
  });
const openStream = (wire: AttackTarget["wire"]): Buffer => h2.headers(1, chatBlock(wire));

/** Node reads 64 KiB at once, which hold up to 450 requests, and makes and ends their streams before it gives the turn back. */
const ONE_READ = { ms: 35, because: "the streams of one read" };
const NODE = "none of ours: nghttp2's own bounds on frames that need an answer or make no sense";

/** Abuse by frames of HTTP/2. */
export const frameAttacks: readonly Attack[] = [
  {
    name: "rapid reset",
    mutant: "resets not counted, streams not held",
    wires: BOTH,
    run: (target) => {
      const block = chatBlock(target.wire);
      const ids = Array.from({ length: 1000 }, (_each, index) => 1 + 2 * index);
      const flags = h2.FLAG.endHeaders | h2.FLAG.endStream;
      const resets = Buffer.concat(ids.flatMap((id) => [h2.headers(id, block, flags), h2.reset(id)]));
      return again(target, 2000, (raw) => {
        raw.send(resets);
      });
    },
  },
  {
    name: "rapid reset, a little later",
    mutant: "resets not counted",
    wires: BOTH,
    run: (target) => {
      const block = chatBlock(target.wire);
      return again(target, 2000, async (raw) => {
        for (let first = 1; first < 2000 && !raw.closed(); first += 200) {
          const ids = Array.from({ length: 100 }, (_each, index) => first + 2 * index);
          raw.send(...ids.map((id) => h2.headers(id, block)));
          await pause(2);
          raw.send(...ids.map((id) => h2.reset(id)));
        }
      });
    },
  },
  {
    name: "resets we are made to send",
    mutant: NODE,
    wires: BOTH,
    run: (target) => {
      const block = chatBlock(target.wire);
      const faults = Array.from({ length: 500 }, (_each, index) =>
        Buffer.concat([h2.headers(1 + 2 * index, block), h2.windowUpdate(1 + 2 * index, 0x7f_ff_ff_ff)]),
      );
      return again(target, 2000, (raw) => {
        raw.send(...faults);
      });
    },
  },
  {
    name: "HPACK bomb",
    turn: ONE_READ,
    mutant: "connections for nothing not counted",
    wires: BOTH,
    run: (target) => {
      const block = chatBlock(target.wire);
      const big = h2.literal("x-a", "v".repeat(4000), true);
      const references = Buffer.concat(Array.from({ length: 110 }, () => h2.indexed(62)));
      return again(target, 200, async (raw) => {
        await pause(50);
        raw.send(h2.headers(1, Buffer.concat([block, big, references])));
        for (let id = 3; id < 1800 && !raw.closed(); id += 2)
          raw.send(h2.headers(id, Buffer.concat([block, references])));
      });
    },
  },
  {
    name: "CONTINUATION flood",
    mutant: NODE,
    wires: BOTH,
    run: (target) =>
      again(target, 2000, (raw) => {
        const more = h2.continuation(1, h2.literal("x", "y".repeat(1000)));
        raw.send(h2.headers(1, chatBlock(target.wire), 0), ...Array.from({ length: 1000 }, () => more));
      }),
  },
  flood("PING", NODE, () => h2.ping()),
  flood("SETTINGS", NODE, () => h2.settings()),
  flood("PRIORITY", NODE, () => h2.priority(1)),
  flood("empty DATA", NODE, () => h2.data(1, Buffer.alloc(0)), openStream),
  flood("WINDOW_UPDATE", "overhead not counted", () => h2.windowUpdate(0, 1), openStream),
  flood("unknown frame", NODE, () => h2.frame(0x42, 0, 0)),
  {
    name: "a thousand calls at once that never send a body",
    turn: ONE_READ,
    mutant: "body clock never late",
    wires: BOTH,
    run: (target) =>
      repeat(target, async () => {
        const raw = await greet(target);
        const block = chatBlock(target.wire);
        const ids = Array.from({ length: 1000 }, (_each, index) => 1 + 2 * index);
        raw.send(...ids.map((id) => h2.headers(id, block)));
        return countEnded(raw, ids);
      }),
  },
  {
    name: "reflection that nobody reads",
    mutant: "each answer made anew; sixteen of them held for each call",
    wires: BOTH,
    run: (target) =>
      repeat(target, async () => {
        const raw = await greet(target, [h2.SETTING.initialWindowSize, 0]);
        const ids = Array.from({ length: 500 }, (_each, index) => 1 + 2 * index);
        // file_containing_symbol of the service, by the hundred in each call.
        const symbol = Buffer.from("execution.v1.ExecutionService");
        const message = Buffer.concat([Buffer.from([0x22, symbol.length]), symbol]);
        const asked = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
        for (const id of ids)
          raw.send(h2.headers(id, reflectionBlock()), h2.data(id, Buffer.alloc(10 * asked.length, asked)));
        return countEnded(raw, ids);
      }),
  },
  {
    name: "zero windows",
    mutant: "stalled writes never cut",
    wires: BOTH,
    run: (target) =>
      repeat(target, async () => {
        const raw = await greet(target, [h2.SETTING.initialWindowSize, 0]);
        const body =
          target.wire === "grpc" ? chatFrame : Buffer.from('{"messages":[{"role":"user","content":"a few words"}]}');
        const ids = Array.from({ length: 100 }, (_each, index) => 1 + 2 * index);
        raw.send(
          ...ids.flatMap((id) => [h2.headers(id, chatBlock(target.wire)), h2.data(id, body, h2.FLAG.endStream)]),
        );
        return countEnded(raw, ids);
      }),
  },
];
