import { once } from "node:events";
import { type Socket, connect as tcpConnect } from "node:net";
import { expect, jest, test } from "@jest/globals";
import { Secret } from "../../src/secret.ts";
import { createFront, listenOn, type Protocols } from "../../src/server/front.ts";
import { createCertificate } from "../support/certificate.ts";

const { certificate, key } = createCertificate();
const tls = { certificate, key: new Secret(key) };

const keep = (): void => undefined;

/** What a socket tells the kernel by. It does not say itself whether it sends at once. */
const handleOf = (socket: Socket): { setNoDelay(isOn: boolean): void } => Reflect.get(socket, "_handle");

// Mutant seen red: Node's default. Looked at before a protocol has the connection: HTTP/2 of Node would say it again, HTTP/1.1 would not.
test.each<readonly [string, Protocols, typeof tls | undefined]>([
  ["HTTP/2 alone", { http2: keep }, undefined],
  ["HTTP/2 alone, under TLS", { http2: keep }, tls],
  ["both protocols", { http1: keep, http2: keep }, undefined],
  ["both protocols, under TLS", { http1: keep, http2: keep }, tls],
])("a front of %s sends without Nagle's delay", async (_, protocols, secure) => {
  const front = createFront(secure, { maxConnections: 10, firstBytesMs: 10_000 }, protocols);
  const port = await listenOn(front, { host: "127.0.0.1", port: 0 });
  const client = tcpConnect(port, "127.0.0.1");
  const opened = [client];
  const told = jest.spyOn(Object.getPrototypeOf(handleOf(client)), "setNoDelay");
  try {
    const saidOf = new Promise<unknown>((resolve) => {
      front.prependListener("connection", (socket: Socket) => {
        opened.push(socket);
        resolve(told.mock.calls.filter((_call, index) => told.mock.contexts[index] === handleOf(socket)));
      });
    });
    expect(await saidOf).toEqual([[true]]);
  } finally {
    for (const socket of opened) socket.destroy();
    front.close();
    await once(front, "close");
  }
});
