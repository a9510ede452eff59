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

const BOTH = ["grpc", "http"] as const;

async function openMany(target: AttackTarget, count: number): Promise<h2.RawHttp2[]> {
  const connections: h2.RawHttp2[] = [];
  for (let index = 0; index < count; index += 50) {
    connections.push(...(await Promise.all(Array.from({ length: 50 }, () => h2.connectRaw(target)))));
  }
  return connections;
}

/** Says `bytes` on each connection, a byte at a time. */
async function trickle(
  target: AttackTarget,
  connections: readonly h2.RawHttp2[],
  bytes: Buffer,
): Promise<AttackOutcome> {
  for (let at = 0; target.on(); at = (at + 1) % bytes.length) {
    for (const raw of connections) raw.send(bytes.subarray(at, at + 1));
    await pause(50);
  }
  return countGone(connections);
}

/** Abuse by connections that take their time. */
export const socketAttacks: readonly Attack[] = [
  {
    name: "silent connections",
    mutant: "first bytes not waited for",
    wires: BOTH,
    run: (target) => repeat(target, async () => countGone(await openMany(target, 500))),
  },
  {
    name: "a preface and nothing after it",
    mutant: "handshake and first request not waited for",
    wires: BOTH,
    run: (target) =>
      repeat(target, async () => {
        const connections = await openMany(target, 200);
        for (const raw of connections) raw.send(h2.PREFACE, h2.settings());
        return countGone(connections);
      }),
  },
  {
    name: "connections that say hello and never call",
    mutant: "first request not waited for",
    wires: BOTH,
    run: (target) =>
      repeat(target, async () => countGone(await Promise.all(Array.from({ length: 100 }, () => greet(target))))),
  },
  {
    name: "slow headers",
    mutant: "headers and first request not waited for",
    wires: BOTH,
    run: async (target) => {
      const connections = await openMany(target, 100);
      if (target.wire === "http") {
        for (const raw of connections) raw.send(Buffer.from("GET /health HTTP/1.1\r\nhost: localhost\r\n"));
        return trickle(target, connections, Buffer.from("x-a: b\r\n"));
      }
      const block = chatBlock("grpc");
      for (const raw of connections) raw.send(h2.PREFACE, h2.settings(), h2.settingsAck(), h2.headers(1, block, 0));
      return trickle(target, connections, h2.continuation(1, h2.literal("x", "y")));
    },
  },
  {
    name: "slow bodies",
    mutant: "body clock never late",
    wires: BOTH,
    run: async (target) => {
      const connections = await Promise.all(Array.from({ length: 50 }, () => greet(target)));
      for (const raw of connections) {
        raw.send(h2.headers(1, chatBlock(target.wire)));
        // A message of 1 MiB is announced.
        if (target.wire === "grpc") raw.send(h2.data(1, Buffer.from([0, 0, 16, 0, 0])));
      }
      while (target.on()) {
        for (const raw of connections) raw.send(h2.data(1, Buffer.from(" ")));
        await pause(100);
      }
      const outcomes = await Promise.all(connections.map((raw) => countEnded(raw, [1])));
      return { opened: outcomes.length, ended: outcomes.filter(({ ended }) => ended === 1).length };
    },
  },
  {
    name: "pipelined requests",
    mutant: "all of them begun as they come",
    wires: ["http"],
    run: async (target) => {
      const requests = Buffer.from("GET /capabilities HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(10_000));
      const connections: h2.RawHttp2[] = [];
      while (target.on() && connections.length < 5000) {
        const raw = await h2.connectRaw(target);
        connections.push(raw);
        raw.send(requests);
        await Promise.race([raw.gone, pause(200)]);
        await pause(20);
      }
      return countGone(connections);
    },
  },
  {
    name: "connections opened and closed",
    mutant: "connections for nothing not counted",
    wires: BOTH,
    run: async (target) => {
      let opened = 0;
      let ended = 0;
      while (target.on() && opened < 200_000) {
        const connections = await Promise.all(Array.from({ length: 10 }, () => h2.connectRaw(target)));
        for (const raw of connections) raw.send(h2.PREFACE, h2.settings());
        await pause(5);
        opened += connections.length;
        for (const raw of connections) raw.destroy();
        ended += connections.length;
      }
      return { opened, ended };
    },
  },
];
