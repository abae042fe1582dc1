// Scores models in every way in which a score must come out the same to the last bit: run by arm64.test.ts under an emulator, as
// `node exact-child.mjs < {"models", "texts", "pairs", "batches"}`. Prints, for each model, what was loaded and what differs.
import { readFileSync } from "node:fs";
import { loadRewardModel } from "../../dist/src/index.js";

const { models, texts, pairs, batches, threads = [2] } = JSON.parse(readFileSync(0, "utf8"));
const items = texts.map((text) => ({ text }));
const started = Date.now();
for (const path of models) {
  const open = (options = {}) => loadRewardModel({ modelPath: path, gpu: "off", threads: 1, ...options });
  const scoresOf = async (chosen, options) => {
    const model = await open(options);
    const scores = (await model.score(chosen)).map(({ score }) => score);
    await model.close();
    return scores;
  };
  const model = await open();
  const results = await model.score(items);
  const together = results.map(({ score }) => score);
  const alone = [];
  for (const item of items) alone.push((await model.score([item]))[0].score);
  const rewards = (await model.score(items, { perToken: true })).map(({ score, tokenRewards }) => [
    score,
    tokenRewards.rewards.at(-1),
  ]);
  const ofPairs = (await model.score(pairs)).map(({ score }) => score);
  const opened = [];
  for (const prompt of new Set(pairs.map((pair) => pair.prompt))) {
    const ranking = await model.openPrompt({ prompt });
    for (const [i, pair] of pairs.entries())
      if (pair.prompt === prompt) opened[i] = (await ranking.score(pair.response)).score;
    await ranking.close();
  }
  const { info } = model;
  await model.close();
  const ways = {
    reversed: (await scoresOf(items.toReversed())).toReversed(),
    alone,
    apart: await scoresOf(items, { sharePrefixes: false }),
    perToken: rewards.map(([score]) => score),
    lastReward: rewards.map(([, reward]) => reward),
  };
  for (const count of threads) ways[`threads ${count}`] = await scoresOf(items, { threads: count });
  for (const batchTokens of batches) ways[`batch ${batchTokens}`] = await scoresOf(items, { batchTokens });
  const ofPairsWays = { "pairs apart": await scoresOf(pairs, { sharePrefixes: false }), "open prompt": opened };
  const differing = (scores, expected) => scores.filter((score, i) => !Object.is(score, expected[i])).length;
  const most = (scores, expected) => Math.max(...scores.map((score, i) => Math.abs(score - expected[i])));
  const differ = {};
  for (const [reference, all] of [
    [together, ways],
    [ofPairs, ofPairsWays],
  ])
    for (const [way, scores] of Object.entries(all))
      if (differing(scores, reference) > 0) differ[way] = [differing(scores, reference), most(scores, reference)];
  const { kernels, kernelReasons, cpuLibrary, batchMode } = info;
  const lengths = results.map(({ tokenCount }) => tokenCount);
  const tokens = [Math.min(...lengths), Math.max(...lengths)];
  console.log(
    JSON.stringify({
      path,
      cpuLibrary,
      cpuFeatures: info.cpuFeatures.join(" "),
      batchMode,
      kernels,
      kernelReasons,
      tokens,
      differ,
      distinct: new Set(together).size,
      ms: Date.now() - started,
      together,
    }),
  );
}
