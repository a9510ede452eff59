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

  test("is NOT_SERVING while the ledger cannot be written to, and SERVING again after", () => {
    let canServe = false;
    const health = createHealth(["a.B"], new AbortController().signal, () => canServe);
    expect(health.check("a.B")).toBe(ServingStatus.NOT_SERVING);
    expect(health.list().get("")).toBe(ServingStatus.NOT_SERVING);
    canServe = true;
    expect(health.check("a.B")).toBe(ServingStatus.SERVING);
  });
});
