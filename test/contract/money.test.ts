import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { divideUp, formatUsd, parseUsd } from "../../src/contract/money.ts";

/*
 * Mutants seen red: parsing with Number (digits are lost), rounding to the nearest or down, `10 ** exponent` as a number, formatting with
 * Number, a fraction whose zeros at the end stay.
 */

describe("reading dollars", () => {
  test.each([
    ["0", 0n],
    ["0.0015", 1_500_000n],
    ["12.345678901", 12_345_678_901n],
    ["6e-8", 60n],
    ["1.5E+3", 1_500_000_000_000n],
    ["7.75e-06", 7750n],
    ["1e23", 10n ** 32n],
    ["9007199254740993.000000001", 9_007_199_254_740_993_000_000_001n],
  ])("takes %s to the last digit", (text, nanoUsd) => {
    expect(parseUsd(text)).toBe(nanoUsd);
  });

  test.each([
    ["0.0000000001", 1n],
    ["0.0076509169000000005", 7_650_917n],
    ["1e-40", 1n],
  ])("rounds %s up, never to nothing", (text, nanoUsd) => {
    expect(parseUsd(text)).toBe(nanoUsd);
  });

  test.each(["", "-1", "+1", ".5", "1.", "1,5", "0x10", "NaN", "Infinity", " 1", "1e41", "1e-41", "1e99999999", "$1"])(
    "takes %j for no amount",
    (text) => {
      expect(parseUsd(text)).toBeUndefined();
    },
  );
});

describe("writing dollars", () => {
  test.each([
    [0n, "0"],
    [1n, "0.000000001"],
    [1_500_000n, "0.0015"],
    [1_000_000_000n, "1"],
    [10_000_000_000n, "10"],
    [12_345_678_901n, "12.345678901"],
    [9_007_199_254_740_993_000_000_001n, "9007199254740993.000000001"],
    [-2_500_000_000n, "-2.5"],
  ])("writes %p nano-USD as %p, to the last digit", (nanoUsd, text) => {
    expect(formatUsd(nanoUsd)).toBe(text);
  });

  test("is undone by reading, whatever the amount", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 30n }), (nanoUsd) => {
        expect(parseUsd(formatUsd(nanoUsd))).toBe(nanoUsd);
      }),
    );
  });
});

test("dividing up is the least whole number that is enough", () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 10n ** 24n }),
      fc.bigInt({ min: 1n, max: 10n ** 12n }),
      (dividend, divisor) => {
        const quotient = divideUp(dividend, divisor);
        expect(quotient * divisor >= dividend).toBe(true);
        expect(quotient === 0n || (quotient - 1n) * divisor < dividend).toBe(true);
      },
    ),
  );
});
