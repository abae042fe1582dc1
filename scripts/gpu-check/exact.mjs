// Does a score depend on company? The embedded model's scores alone, reversed, apart and in small batches.
import { join } from "node:path";
import { embeddedCheckpoint } from "../../dist/src/embedded-model.js";
import { convert } from "../../dist/src/entry/convert.js";
import { loadRewardModel } from "../../dist/src/index.js";

/** Of 1 to about 70 tokens, some of which begin alike. */
const items = Array.from({ length: 40 }, (_, i) => ({
  text: `${i % 3 === 0 ? "Why" : `What, ${i},`}${" do starlings sing".repeat(i % 13)}${" so".repeat(i % 5)}`,
}));
const ALONE = 8;
const SMALL_BATCHES = [1, 6, 64];

export async function run({ gpu, folder, types }) {
  const cases = [];
  for (const type of types) {
    const output = join(folder, `exact-${type}.gguf`);
    await convert({ checkpoint: embeddedCheckpoint(), output, type });
    const scoresOf = async (chosen, options = {}) => {
      const model = await loadRewardModel({ modelPath: output, gpu, batchMode: "exact", ...options });
      try {
        return { scores: (await model.score(chosen)).map(({ score }) => score), info: model.info };
      } finally {
        await model.close();
      }
    };
    const together = await scoresOf(items);
    const alone = [];
    for (const item of items.slice(-ALONE)) alone.push(...(await scoresOf([item])).scores);
    const difference = {
      alone: largest(alone, together.scores.slice(-ALONE)),
      reversed: largest((await scoresOf(items.toReversed())).scores.toReversed(), together.scores),
      apart: largest((await scoresOf(items, { sharePrefixes: false })).scores, together.scores),
      oneThread: largest((await scoresOf(items, { threads: 1 })).scores, together.scores),
    };
    for (const batchTokens of SMALL_BATCHES)
      difference[`batches of ${batchTokens}`] = largest(
        (await scoresOf(items, { batchTokens })).scores,
        together.scores,
      );
    const exact = Object.values(difference).every((by) => by === 0);
    const { kernels, kernelReasons: reasons, cpuLibrary, backend, threads, batchMode } = together.info;
    cases.push({ type, exact, difference, backend, batchMode, threads, kernels, reasons, cpuLibrary });
    console.error(`  ${type}: ${exact ? "the same bits" : `off by at most ${Math.max(...Object.values(difference))}`}`);
  }
  // A library without exact kernels says so in `reasons`; on a GPU nothing is promised.
  const promised = cases.filter(({ backend, reasons }) => backend === "cpu" && reasons.length === 0);
  return { ok: promised.every(({ exact }) => exact), texts: items.length, cases };
}

/** A score that is not a number is infinitely far. */
function largest(scores, expected) {
  const differences = expected.map((score, i) => Math.abs(score - (scores[i] ?? Number.NaN)));
  return Math.max(...differences.map((by) => (Number.isNaN(by) ? Number.MAX_VALUE : by)));
}
