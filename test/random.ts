/** Whole numbers below n, the same in every run. */
export function randomOf(seed: number): (n: number) => number {
  let state = (seed * 7919 + 13) >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** The same of a round among many: neighbouring rounds and seeds do not begin alike. */
export function randomOfRound(seed: number, round: number): (n: number) => number {
  let state = Math.imul(seed, 0x9e3779b1) ^ Math.imul(round + 1, 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
  return randomOf((state ^ (state >>> 13)) >>> 0);
}
