import { describe, expect, test } from "@jest/globals";
import { createPeers, type Peers } from "../../src/server/peers.ts";

/** Peers with a clock of our own, and what was locked out. */
function peers(limits: Partial<Parameters<typeof createPeers>[0]["limits"]> = {}): {
  readonly peers: Peers;
  readonly lockedOut: string[];
  pass(ms: number): void;
} {
  let now = 0;
  const lockedOut: string[] = [];
  return {
    peers: createPeers({
      limits: { maxConnectionsPerPeer: 3, trustedPeers: ["10.1.0.0/16", "fd00::1"], lockOutMs: 10_000, ...limits },
      monotonicMs: () => now,
      onLockOut: (peer) => lockedOut.push(peer),
    }),
    lockedOut,
    pass: (ms) => {
      now += ms;
    },
  };
}

describe("an address", () => {
  test("has no more connections than it may, and one more when one is gone (mutant: connections not counted)", () => {
    const { peers: known } = peers();
    const [first] = [1, 2, 3].map(() => known.admit("192.0.2.1"));
    expect(known.admit("192.0.2.1")).toBeUndefined();
    expect(known.admit("192.0.2.2")).toBeDefined();
    first?.leave();
    expect(known.admit("192.0.2.1")).toBeDefined();
  });

  test("is locked out by more than 100 faults at once, for its time, and told of once", () => {
    const { peers: known, lockedOut, pass } = peers();
    const peer = known.admit("192.0.2.1");
    expect(peer?.fault(100)).toBe(true);
    expect(peer?.fault(1)).toBe(false);
    expect(peer?.fault(1)).toBe(false);
    expect(known.admit("192.0.2.1")).toBeUndefined();
    pass(10_001);
    expect(known.admit("192.0.2.1")).toBeDefined();
    expect(lockedOut).toEqual(["192.0.2.1"]);
  });

  test("is forgiven 20 faults a second (mutant: nothing forgiven)", () => {
    const { peers: known, pass } = peers();
    const peer = known.admit("192.0.2.1");
    for (let second = 0; second < 100; second += 1) {
      expect(peer?.fault(20)).toBe(true);
      pass(1000);
    }
  });

  test("that is trusted has as many connections as there are, and only the one that floods is ended", () => {
    const { peers: known, lockedOut } = peers();
    for (const address of ["10.1.2.3", "::ffff:10.1.2.3", "fd00::1"]) {
      const [first, ...others] = Array.from({ length: 10 }, () => known.admit(address));
      expect(first?.fault(101)).toBe(false);
      for (const other of others) expect(other?.fault(1)).toBe(true);
      expect(known.admit(address)).toBeDefined();
    }
    expect(lockedOut).toEqual([]);
  });

  test("is never locked out if the time for it is 0", () => {
    const { peers: known, lockedOut } = peers({ lockOutMs: 0 });
    const peer = known.admit("192.0.2.1");
    expect(peer?.fault(1000)).toBe(false);
    expect(known.admit("192.0.2.1")).toBeDefined();
    expect(lockedOut).toEqual([]);
  });

  // Mutant seen red: each address of IPv6 a peer of its own.
  test.each([
    ["2001:db8::1", "2001:db8::2", true],
    ["2001:db8:0:0:1::", "2001:db8::ffff", true],
    ["2001:db8:0:1::1", "2001:db8:0:2::1", false],
    ["fe80::1%eth0", "fe80::2", true],
    ["::ffff:192.0.2.1", "192.0.2.1", true],
    ["::1", "127.0.0.1", false],
  ])("%s and %s are one peer: %s", (one, other, same) => {
    const { peers: known } = peers({ maxConnectionsPerPeer: 1 });
    expect(known.admit(one)).toBeDefined();
    expect(known.admit(other) === undefined).toBe(same);
  });

  test("is forgotten once it is gone and forgiven (mutant: addresses kept)", () => {
    const { peers: known, pass } = peers();
    for (let address = 0; address < 50; address += 1) known.admit(`192.0.2.${address}`)?.leave();
    const locked = known.admit("198.51.100.1");
    locked?.fault(101);
    locked?.leave();
    known.sweep();
    expect(known.size).toBe(1);
    pass(11_000);
    known.sweep();
    expect(known.size).toBe(0);
  });
});
