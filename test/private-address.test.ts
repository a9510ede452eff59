import { expect, test } from "@jest/globals";
import { isPrivateAddress } from "../src/private-address.ts";

// Mutant seen red: addresses of IPv4 in IPv6 looked up as IPv6 alone.
test.each([
  ...[
    "127.0.0.1",
    "10.1.2.3",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
  ],
  ...[
    "::",
    "::1",
    "fe80::1",
    "fd00::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "ff02::1",
  ],
  ...["", "example.com", "127.1"],
  "168.63.129.16",
  "::ffff:0:127.0.0.1",
  "3fff::1",
  "5f00::1",
  "fec0::1",
])("%s is private", (address) => {
  expect(isPrivateAddress(address)).toBe(true);
});

test.each(["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "2a00:1450::1"])(
  "%s is not",
  (address) => {
    expect(isPrivateAddress(address)).toBe(false);
  },
);
