// How far scores may be from the reference's.

/** On the CPU in exact mode, as in test/parity/parity.test.ts. */
const exact = {
  f32: { max: 0.001, median: 0.0005 },
  f16: { max: 0.02, median: 0.004 },
  q8_0: { max: 0.35, median: 0.06 },
};
/** llama.cpp's flash attention computes in float16, on float16 keys and values; our own only keeps them so. */
const packed = {
  f32: { max: 0.05, median: 0.01 },
  f16: { max: 0.05, median: 0.01 },
  q8_0: { max: 0.4, median: 0.06 },
};
/** A GPU also multiplies in float16 where it gains by it; the model card's own bfloat16 is off by up to 0.085. */
const gpuTolerances = {
  f32: { max: 0.05, median: 0.01 },
  f16: { max: 0.15, median: 0.03 },
  q8_0: { max: 0.4, median: 0.06 },
};
/** Four bits must keep the order of pairs that the reference separates by this many standard deviations. */
const CLEAR_MARGIN = 1;
const LEAST_PAIRS = 0.9;

/**
 * @param {string} type of the weights
 * @param {string} gpu "off" for the CPU
 * @param {"exact" | "packed"} batchMode
 * @param {{ name: string, score: number }[]} rows the reference's
 * @param {number[]} scores
 * @param {number} std of the reference's scores
 */
export function judge(type, gpu, batchMode, rows, scores, std) {
  const differences = rows.map(({ score, name }, i) => ({ name, by: Math.abs(score - scores[i]) }));
  // A comparison with NaN is false, and sorts anywhere.
  const finite = scores.length === rows.length && scores.every(Number.isFinite);
  differences.sort((a, b) => a.by - b.by);
  const { by: max, name: worst } = differences.at(-1);
  const median = differences[differences.length >> 1].by;
  const pairs = pairsKept(rows, scores, CLEAR_MARGIN * std);
  const onCpu = batchMode === "exact" ? exact : packed;
  const table = gpu === "off" ? onCpu : gpuTolerances;
  const tolerance = table[type] ?? { pairs: LEAST_PAIRS };
  const within =
    tolerance.pairs === undefined ? max < tolerance.max && median < tolerance.median : pairs > tolerance.pairs;
  return { ok: finite && within, max, worst, median, pairs, tolerance };
}

function pairsKept(rows, scores, margin) {
  let clear = 0;
  let kept = 0;
  for (const [i, a] of rows.entries()) {
    for (const [j, b] of rows.entries()) {
      if (a.score - b.score < margin) continue;
      clear += 1;
      if (scores[i] > scores[j]) kept += 1;
    }
  }
  return kept / clear;
}
