import { setTimeout } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { HealthCheckResponse_ServingStatus as ServingStatus } from "../../src/gen/grpc/health/v1/health_pb.js";
import { createHealth } from "../../src/server/health.ts";

describe("health", () => {
  test("is SERVING for the server and each service, then NOT_SERVING", () => {
    const draining = new AbortController();
    const health = createHealth(["a.B"], draining.signal, () => true);
    expect([health.check(""), health.check("a.B"), health.check("constructor")]).toEqual([
      ServingStatus.SERVING,
      ServingStatus.SERVING,
      undefined,
    ]);
    draining.abort();
    expect([...health.list()]).toEqual([
      ["", ServingStatus.NOT_SERVING],
      ["a.B", ServingStatus.NOT_SERVING],
    ]);
  });

  // Mutant seen red: a watch that ends when the drain begins.
  test("is watched until the watcher leaves", async () => {
    const draining = new AbortController();
    const left = new AbortController();
    const health = createHealth(["a.B"], draining.signal, () => true);
    const seen: ServingStatus[] = [];
    for await (const status of health.watch("a.B", left.signal)) {
      seen.push(status);
      setImmediate(() => (draining.signal.aborted ? left : draining).abort());
    }
    expect(seen).toEqual([ServingStatus.SERVING, ServingStatus.NOT_SERVING]);
    expect(left.signal.aborted).toBe(true);
  });

  // Mutant seen red: a change told to a watcher that has left.
  test("says nothing more to a watcher that has left", async () => {
    const left = new AbortController();
    const seen: ServingStatus[] = [];
    for await (const status of createHealth(["a.B"], new AbortController().signal, () => true).watch(
      "a.B",
      left.signal,
    )) {
      seen.push(status);
      left.abort();
    }
    expect(seen).toEqual([ServingStatus.SERVING]);
  });

  test("of an unknown service is SERVICE_UNKNOWN, and stays so", async () => {
    const draining = new AbortController();
    const left = new AbortController();
    const seen: ServingStatus[] = [];
    for await (const status of createHealth([], draining.signal, () => true).watch("a.B", left.signal)) {
      seen.push(status);
      draining.abort();
      setImmediate(() => left.abort());
    }
    expect(seen).toEqual([ServingStatus.SERVICE_UNKNOWN]);
    expect(left.signal.aborted).toBe(true);
  });

  test("that is watched while draining says so at once", async () => {
    const health = createHealth(["a.B"], AbortSignal.abort(), () => true);
    const seen: ServingStatus[] = [];
    for await (const status of health.watch("a.B", AbortSignal.abort())) seen.push(status);
    expect(seen).toEqual([ServingStatus.NOT_SERVING]);
  });

  // Mutants seen red: no bound; watchers that left still counted.
  test("is watched by at most 1,000 at once", async () => {
    const health = createHealth([], new AbortController().signal, () => true);
    const left = new AbortController();
    const watchers = Array.from({ length: 1000 }, () => health.watch("", left.signal)[Symbol.asyncIterator]());
    await Promise.all(watchers.map((watcher) => watcher.next()));
    const one = (): Promise<unknown> => health.watch("", left.signal)[Symbol.asyncIterator]().next();
    await expect(one()).rejects.toMatchObject({ reason: "OVERLOADED" });
    await watchers[0]?.return?.();
    await expect(one()).resolves.toMatchObject({ done: false });
    left.abort();
  });

  test("is NOT_SERVING while the ledger cannot be written to, and SERVING again after", () => {
    let canServe = false;
    const health = createHealth(["a.B"], new AbortController().signal, () => canServe);
    expect(health.check("a.B")).toBe(ServingStatus.NOT_SERVING);
    expect(health.list().get("")).toBe(ServingStatus.NOT_SERVING);
    canServe = true;
    expect(health.check("a.B")).toBe(ServingStatus.SERVING);
  });

  // Mutant seen red: nobody looks.
  test("tells each who watches that the ledger cannot be written to, and that it can again", async () => {
    let canServe = true;
    const left = new AbortController();
    const health = createHealth([], new AbortController().signal, () => canServe, 1);
    const watch = async (): Promise<readonly ServingStatus[]> => {
      const seen: ServingStatus[] = [];
      for await (const status of health.watch("", left.signal)) seen.push(status);
      return seen;
    };
    const early = watch();
    await setTimeout(5);
    canServe = false;
    const late = watch();
    await setTimeout(50);
    canServe = true;
    await setTimeout(50);
    left.abort();
    expect(await early).toEqual([ServingStatus.SERVING, ServingStatus.NOT_SERVING, ServingStatus.SERVING]);
    expect(await late).toEqual([ServingStatus.NOT_SERVING, ServingStatus.SERVING]);
  });
});
