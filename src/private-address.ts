import { BlockList, isIPv4, isIPv6 } from "node:net";

/**
 * Networks that are not the internet's: this machine, private and link-local ones (cloud metadata among them), those for tests and for many at once, and
 * ways to write such an address of IPv4 in IPv6. Source: the IANA special-purpose address registries
 * (https://www.iana.org/assignments/iana-ipv4-special-registry, iana-ipv6-special-registry).
 */
const NETWORKS: readonly (readonly [address: string, bits: number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  // The platform of Azure's own machines, which no other host answers as (https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16).
  ["168.63.129.16", 32],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
  ["::", 96],
  // Translated addresses of IPv4 (RFC 2765), whoever translates them.
  ["::ffff:0:0:0", 96],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
  ["5f00::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  // Site-local ones, which were given up (RFC 3879) and are still routed by who has them.
  ["fec0::", 10],
  ["ff00::", 8],
];

const blocked = new BlockList();
for (const [address, bits] of NETWORKS) blocked.addSubnet(address, bits, isIPv6(address) ? "ipv6" : "ipv4");

/** True for an address that is not one of the internet at large; for what is no address too. */
export function isPrivateAddress(address: string): boolean {
  if (isIPv4(address)) return blocked.check(address);
  // An address of IPv4 within one of IPv6 is looked up as what it is.
  return isIPv6(address) ? blocked.check(address, "ipv6") : true;
}
