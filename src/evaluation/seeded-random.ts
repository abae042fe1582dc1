/** Random numbers that are the same in every run, on every machine. */

/** Splitmix32's increment and multipliers: they spread a small seed over the whole state. */
const GOLDEN = 0x9e3779b9;
const MIX_1 = 0x21f0aaad;
const MIX_2 = 0x735a2d97;

const BITS_32 = 2 ** 32;
const BITS_21 = 2 ** 21;

/**
 * Numbers from 0 (included) to 1 (excluded) in steps of 2^-53: xoshiro128** 1.1 (Blackman and Vigna, "Scrambled linear
 * pseudorandom number generators", 2021), its state filled from the seed by splitmix32. Not for secrets.
 *
 * @param seed any finite number; its whole part counts, modulo 2^64
 */
export function seededRandom(seed: number): () => number {
  const next = words(seed);
  return () => (next() * BITS_21 + (next() >>> 11)) / 2 ** 53;
}

function words(seed: number): () => number {
  const whole = Math.trunc(seed);
  let mixed = (whole >>> 0) ^ Math.imul(Math.floor(whole / BITS_32) >>> 0, MIX_1);
  const fill = () => {
    mixed = (mixed + GOLDEN) | 0;
    let word = Math.imul(mixed ^ (mixed >>> 16), MIX_1);
    word = Math.imul(word ^ (word >>> 15), MIX_2);
    return word ^ (word >>> 15);
  };
  let [a, b, c, d] = [fill(), fill(), fill(), fill()];
  return () => {
    const word = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return word;
  };
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
