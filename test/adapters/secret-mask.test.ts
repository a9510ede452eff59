import { describe, expect, test } from "@jest/globals";
import { createSecretMask } from "../../src/adapters/secret-mask.ts";
import { Secret } from "../../src/secret.ts";

const mask = (text: string, apiKey: string | undefined, headers: Readonly<Record<string, string>> = {}): string =>
  createSecretMask({
    ...(apiKey !== undefined && { apiKey: new Secret(apiKey) }),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, new Secret(value)])),
  })(text);

describe("a secret", () => {
  test.each([
    ["in another case", "no PLUM-ORCHARD-1 here", "plum-orchard-1", {}, "no [redacted] here"],
    ["with signs of regular expressions", "a (b+c)*[d]$ e", "(b+c)*[d]$", {}, "a [redacted] e"],
    ["as JSON text", 'said \\"plum\\" and \\\\', '"plum"', {}, "said [redacted] and \\\\"],
    ["without its scheme", "got abcdefgh-ijk", undefined, { authorization: "Bearer abcdefgh-ijk" }, "got [redacted]"],
    [
      "as a name and password",
      "got porter:pass1word, pass1word",
      undefined,
      { authorization: "Basic cG9ydGVyOnBhc3Mxd29yZA==" },
      "got [redacted], [redacted]",
    ],
    [
      "as one cookie of two",
      "session 12345678-abcd is over",
      undefined,
      { cookie: "a=1; s=12345678-abcd" },
      "session [redacted] is over",
    ],
    [
      "that is short, where it stands alone",
      "a test of the latest: test",
      "test",
      {},
      "a [redacted] of the latest: [redacted]",
    ],
    ["cut in its middle", "got plum-orchard-wal... of 20", "plum-orchard-walks-16", {}, "got [redacted]... of 20"],
  ])("is masked %s", (_, text, apiKey, headers, expected) => {
    expect(mask(text, apiKey, headers)).toBe(expected);
  });

  test("that is not there changes nothing", () => {
    expect(mask("as it is", undefined)).toBe("as it is");
    expect(mask("as it is", "")).toBe("as it is");
  });
});
