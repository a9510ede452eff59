import { describe, expect, test } from "@jest/globals";
import { createOverhead } from "../../src/server/overhead.ts";

const MIB = 1024 * 1024;

/** Lets a connection send `read` bytes in each quarter of a second, `written` the other way, and says when it was too much. */
function quarters(
  count: number,
  { read, written = 0, requests = 0, body = 0 }: Partial<Record<"read" | "written" | "requests" | "body", number>>,
): number | undefined {
  const socket = { bytesRead: 0, bytesWritten: 0 };
  const overhead = createOverhead(socket, 0);
  for (let quarter = 1; quarter <= count; quarter += 1) {
    socket.bytesRead += read ?? 0;
    socket.bytesWritten += written;
    for (let request = 0; request < requests; request += 1) overhead.request();
    overhead.body(body);
    if (overhead.isTooMuch(quarter * 250, () => 0)) return quarter;
  }
  return undefined;
}

describe("what a connection sends", () => {
  // Mutant seen red: no bound on the debt.
  test("is too much if it belongs to no request", () => {
    expect(quarters(10, { read: MIB })).toBe(1);
    expect(quarters(10_000, { read: 20_000 })).toBeDefined();
  });

  test("may be pings and windows for ever, within their rate", () => {
    expect(quarters(10_000, { read: 16_000 })).toBeUndefined();
  });

  test("may be requests and bodies without bound, each in its frames", () => {
    expect(quarters(1000, { read: 11 * MIB, body: 10 * MIB, requests: 1 })).toBeUndefined();
    expect(quarters(1000, { read: 1000 * 60_000, requests: 1000 })).toBeUndefined();
    // A body in frames of ten bytes each.
    expect(quarters(1000, { read: 1_900_000, body: 1_000_000 })).toBeUndefined();
  });

  test("may be windows for what it is sent", () => {
    expect(quarters(1000, { read: 900_000, written: 1_000_000 })).toBeUndefined();
  });

  test("is not forgiven for having been silent for long", () => {
    const socket = { bytesRead: 0, bytesWritten: 0 };
    const overhead = createOverhead(socket, 0);
    for (let quarter = 1; quarter <= 1000; quarter += 1) overhead.isTooMuch(quarter * 250, () => 0);
    socket.bytesRead = MIB;
    expect(overhead.isTooMuch(250_250, () => 0)).toBe(true);
  });

  // Mutants seen red: what waits is not looked at; whatever waits excuses all.
  test("may be bodies that have not been read yet, and is too much where they are no more than part of it", () => {
    const socket = { bytesRead: 2 * MIB, bytesWritten: 0 };
    const overhead = createOverhead(socket, 0);
    expect(overhead.isTooMuch(250, () => 2 * MIB)).toBe(false);
    overhead.body(2 * MIB);
    expect(overhead.isTooMuch(500, () => 0)).toBe(false);
    socket.bytesRead += 2 * MIB;
    expect(overhead.isTooMuch(750, () => 0.5 * MIB)).toBe(true);
  });
});
