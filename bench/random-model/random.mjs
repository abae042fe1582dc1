/** Random numbers, the same on every machine. */

/**
 * Mulberry32: uniform in [0, 1).
 *
 * @param {number} seed
 */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Uniform integer in [0, below). */
export function below(random, limit) {
  return Math.floor(random() * limit);
}

/**
 * Gaussian numbers with this standard deviation (Box-Muller).
 *
 * @returns {Float32Array}
 */
export function gaussians(random, count, deviation) {
  const values = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    values[i] = radius * Math.cos(angle);
    if (i + 1 < count) values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}
