import { channel } from "node:diagnostics_channel";
import { EventEmitter } from "node:events";
import { Metadata } from "@grpc/grpc-js";
import { expect, test } from "@jest/globals";
import { watchArrivals } from "../../../src/server/grpc/arrivals.ts";

const NUMBER_HEADER = "x-execution-platform-arrival";
/** Lets a stream arrive as Node announces it, and gives the metadata grpc-js would make of it. */
function arrive(): { readonly stream: EventEmitter; readonly metadata: Metadata } {
  const stream = Object.assign(new EventEmitter(), { session: Object.assign(new EventEmitter(), { socket: {} }) });
  const headers: Record<string, string> = { ":path": "/a/b", "content-type": "application/grpc" };
  channel("http2.server.stream.created").publish({ stream, headers });
  const metadata = new Metadata();
  metadata.set(NUMBER_HEADER, headers[NUMBER_HEADER] ?? "");
  return { stream, metadata };
}

test("a call that is reset before grpc-js begins it is not kept (mutant: kept until it is taken)", () => {
  const connection = {
    watch: () => undefined,
    began: () => undefined,
    answered: () => undefined,
    speaksHttp2: () => undefined,
  };
  const arrivals = watchArrivals({ of: () => connection }, new Set(), new Set());
  const left = arrive();
  left.stream.emit("close");
  expect(arrivals.take(left.metadata)).toBeUndefined();
  expect(arrivals.take(arrive().metadata)).toMatchObject({ path: "/a/b" });
  arrivals.close();
});
