// Scores models with the runtime that STARLING_RM_RUNTIME names, in every way in which a score must come out the same: run by
// variants.test.ts as `node variant-child.mjs < {"kernels", "cases": [{"path", "texts"}]}`. Prints, for each model, its kernels and
// lists of scores.
import { readFileSync } from "node:fs";
import { loadRewardModel } from "../../dist/src/index.js";

const results = [];
const { kernels, cases } = JSON.parse(readFileSync(0, "utf8"));
for (const { path, texts } of cases) {
  const items = texts.map((text) => ({ text }));
  const scoresOf = async (chosen, options = {}) => {
    const model = await loadRewardModel({ modelPath: path, gpu: "off", kernels, threads: 1, ...options });
    const scores = (await model.score(chosen)).map(({ score }) => score);
    await model.close();
    return { scores, info: model.info };
  };
  const together = await scoresOf(items);
  const alone = [];
  for (const item of items.slice(0, 2)) alone.push(...(await scoresOf([item])).scores);
  results.push({
    kernels: together.info.kernels,
    reasons: together.info.kernelReasons,
    library: together.info.cpuLibrary,
    together: together.scores,
    alone,
    reversedInSmallBatches: (await scoresOf(items.toReversed(), { batchTokens: 12 })).scores.toReversed(),
    apartWithTwoThreads: (await scoresOf(items, { sharePrefixes: false, threads: 2 })).scores,
  });
}
console.log(JSON.stringify(results));
