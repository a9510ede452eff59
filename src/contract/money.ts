/** Nano-USD in a dollar. Money in the contract is whole nano-USD. */
const nanoUsdPerUsd = 1_000_000_000n;

/** Longer exponents are nobody's price, and would make a number of a million digits. */
const maxExponent = 40;

/**
 * Reads a decimal number of US dollars as nano-USD, exactly: `0.0015` is `1500000n`. Takes what JSON takes, exponents included (`6e-8`), and no
 * number below zero. What is finer than a nano-USD is rounded up. Undefined where the text is no such number.
 */
export function parseUsd(text: string): bigint | undefined {
  const [, whole = "", fraction = "", exponent = "0"] = /^(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const shift = Number(exponent) - fraction.length;
  if (whole === "" || Math.abs(Number(exponent)) > maxExponent) return undefined;
  const digits = BigInt(whole + fraction) * nanoUsdPerUsd;
  return shift >= 0 ? digits * 10n ** BigInt(shift) : divideUp(digits, 10n ** BigInt(-shift));
}

const maxInt64 = 2n ** 63n - 1n;

/** The amount if the contract's int64 holds it, up to 9.2 billion dollars; else undefined: it is not known. */
export function withinInt64(nanoUsd: bigint): bigint | undefined {
  return nanoUsd > maxInt64 ? undefined : nanoUsd;
}

/** Nano-USD as a decimal number of dollars, exact: `1500000n` is `0.0015`. */
export function formatUsd(nanoUsd: bigint): string {
  const digits = (nanoUsd < 0n ? -nanoUsd : nanoUsd).toString().padStart(10, "0");
  const fraction = digits.slice(-9).replace(/0+$/, "");
  return `${nanoUsd < 0n ? "-" : ""}${digits.slice(0, -9)}${fraction === "" ? "" : `.${fraction}`}`;
}

/** The quotient of two numbers that are not negative, rounded up. */
export function divideUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}
