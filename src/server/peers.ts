import { BlockList, isIPv4, isIPv6 } from "node:net";
import type { LimitSettings } from "../config/config.ts";

/** Faults an address may make at once. */
const MAX_FAULTS = 100;

/** Faults that are forgiven in a second. */
const FORGIVEN_PER_SECOND = 20;

/** One address, for one of its connections. */
export interface Peer {
  /**
   * Counts requests that were reset before they were answered, and connections that brought none: each costs us something and its caller nothing.
   * Locks the address out, and says false, once there are more of them than a client that behaves ever makes.
   */
  fault(count: number): boolean;
  /** Takes no more connections of this address for `lockOutMs`. */
  lockOut(reason: string): void;
  /** Says that the connection is gone. */
  leave(): void;
}

/** The addresses that have connections to a listener, or were locked out of it. */
export interface Peers {
  /** Takes a connection from an address; undefined if it has too many, or is locked out. */
  admit(address: string): Peer | undefined;
  /** Forgets the addresses of which there is nothing to know any more. */
  sweep(): void;
  readonly size: number;
}

/** What the peers need. */
export interface PeersDeps {
  readonly limits: Pick<LimitSettings, "maxConnectionsPerPeer" | "trustedPeers" | "lockOutMs">;
  readonly monotonicMs: () => number;
  /** Is told once for each time an address is locked out. */
  readonly onLockOut: (peer: string, reason: string) => void;
}

interface Record {
  readonly name: string;
  readonly trusted: boolean;
  connections: number;
  faults: number;
  faultsAtMs: number;
  lockedUntilMs: number;
}

/** Creates the peers of one listener. An address of `trustedPeers` stands for many callers: each of its connections is a peer of its own. */
export function createPeers({ limits, monotonicMs, onLockOut }: PeersDeps): Peers {
  const trusted = blockList(limits.trustedPeers);
  const known = new Map<string, Record>();

  const recordOf = (address: string): Record => {
    const name = peerName(address);
    const existing = known.get(name);
    if (existing !== undefined) return existing;
    const plain = plainAddress(address);
    const isTrusted = (isIPv4(plain) && trusted.check(plain)) || (isIPv6(plain) && trusted.check(plain, "ipv6"));
    const record = { name, trusted: isTrusted, connections: 0, faults: 0, faultsAtMs: 0, lockedUntilMs: 0 };
    if (!isTrusted) known.set(name, record);
    return record;
  };

  const forgive = (record: Record): void => {
    const now = monotonicMs();
    const forgiven = ((now - record.faultsAtMs) / 1000) * FORGIVEN_PER_SECOND;
    record.faults = Math.max(0, record.faults - forgiven);
    record.faultsAtMs = now;
  };

  const lockOut = (record: Record, reason: string): void => {
    const now = monotonicMs();
    if (record.trusted || limits.lockOutMs === 0) return;
    if (record.lockedUntilMs <= now) onLockOut(record.name, reason);
    record.lockedUntilMs = now + limits.lockOutMs;
  };

  return {
    admit: (address) => {
      const record = recordOf(address);
      if (record.lockedUntilMs > monotonicMs()) return undefined;
      if (!record.trusted && record.connections >= limits.maxConnectionsPerPeer) return undefined;
      record.connections += 1;
      return {
        fault: (count) => {
          forgive(record);
          record.faults += count;
          if (record.faults <= MAX_FAULTS) return true;
          lockOut(record, "requests reset or connections opened for nothing");
          return false;
        },
        lockOut: (reason) => lockOut(record, reason),
        leave: () => {
          record.connections -= 1;
        },
      };
    },
    sweep: () => {
      const now = monotonicMs();
      for (const [name, record] of known) {
        forgive(record);
        if (record.connections === 0 && record.faults === 0 && record.lockedUntilMs <= now) known.delete(name);
      }
    },
    get size() {
      return known.size;
    },
  };
}

/** IPv4 as it is, also where the kernel shows it inside IPv6, and IPv6 without its interface. */
function plainAddress(address: string): string {
  const mapped = /^::ffff:(.*)$/i.exec(address)?.[1];
  return mapped !== undefined && isIPv4(mapped) ? mapped : (address.split("%")[0] ?? "");
}

/** Whoever has one address of IPv6 has its whole /64. */
function peerName(address: string): string {
  const plain = plainAddress(address);
  if (!isIPv6(plain)) return plain;
  const [left = "", right] = plain.split("::");
  const head = left === "" ? [] : left.split(":");
  const tail = right === undefined || right === "" ? [] : right.split(":");
  const zeros = right === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array.from({ length: Math.max(0, zeros) }, () => "0"), ...tail];
  return `${groups.slice(0, 4).join(":")}::/64`;
}

function blockList(peers: readonly string[]): BlockList {
  const list = new BlockList();
  for (const peer of peers) {
    const [address = "", bits] = peer.split("/");
    const family = isIPv4(address) ? "ipv4" : "ipv6";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}
