import { randomInt } from "node:crypto";

/** A source of uniformly distributed numbers in [0, 1), shaped like `Math.random`. */
export type Random = () => number;

/** The largest seed, exclusive: seeds are unsigned 32-bit integers. */
const seedLimit = 2 ** 32;

/**
 * The seed of this run: the integer in `EP_TEST_SEED`, to repeat a failed run, else a fresh one.
 * Throws a RangeError when the variable holds anything but an unsigned 32-bit integer.
 */
export function runSeed(): number {
  const given = process.env.EP_TEST_SEED;
  if (given === undefined || given === "") return randomInt(seedLimit);
  const seed = Number(given);
  if (!Number.isInteger(seed) || seed < 0 || seed >= seedLimit) {
    throw new RangeError(`EP_TEST_SEED must be an integer from 0 to ${seedLimit - 1}, not "${given}"`);
  }
  return seed;
}

/** A deterministic generator (mulberry32): the same seed gives the same numbers on every machine. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / seedLimit;
  };
}

/** An integer from `minimum` to `maximum`, both inclusive. */
export function integerBetween(random: Random, minimum: number, maximum: number): number {
  return minimum + Math.floor(random() * (maximum - minimum + 1));
}

/** One of the items; a RangeError for an empty list. */
function pickFrom<Item>(random: Random, items: readonly Item[]): Item {
  for (const item of items.slice(integerBetween(random, 0, items.length - 1))) return item;
  throw new RangeError("cannot pick from an empty list");
}

/** `length` random lower-case letters and digits, for ids and names no code under test can know in advance. */
export function randomToken(random: Random, length: number): string {
  let token = "";
  while (token.length < length) token += integerBetween(random, 0, 35).toString(36);
  return token;
}

/** Characters of one to four UTF-8 bytes, a joined emoji and a combining mark: where decoders that split badly fail. */
const wideCharacters = ["é", "ß", "Ж", "語", "한", "€", "🙂", "𝄞", "👩‍💻", "e\u0301", "\u2028"];

/** A random word; one in four carries a character of several UTF-8 bytes. */
export function randomWord(random: Random): string {
  const word = randomToken(random, integerBetween(random, 1, 9));
  return random() < 0.25 ? word + pickFrom(random, wideCharacters) : word;
}
