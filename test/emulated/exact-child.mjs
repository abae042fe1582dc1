// Scores models in every way in which a score must come out the same to the last bit: `node exact-child.mjs < SETUP`. SETUP is
// JSON {library, models, texts, pairs, batches}; prints, as JSON, of each model what was loaded and which ways differ.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { library, models, texts, pairs, batches } = JSON.parse(readFileSync(0, "utf8"));
const { loadRewardModel } = await import(pathToFileURL(join(library, "index.js")).href);
const items = texts.map((text) => ({ text }));
const scoresIn = (results) => results.map(({ score }) => score);

async function examine(modelPath) {
  const open = (options = {}) => loadRewardModel({ modelPath, gpu: "off", threads: 1, ...options });
  const scoresOf = async (chosen, options) => {
    const model = await open(options);
    const scores = scoresIn(await model.score(chosen));
    await model.close();
    return scores;
  };
  const model = await open();
  const together = await model.score(items);
  const ways = { together: scoresIn(together), alone: [] };
  for (const item of items) ways.alone.push((await model.score([item]))[0].score);
  const perToken = await model.score(items, { perToken: true });
  ways.perToken = scoresIn(perToken);
  ways.lastReward = perToken.map(({ tokenRewards }) => tokenRewards.rewards.at(-1));
  const ofPairs = { together: scoresIn(await model.score(pairs)), "an open prompt": [] };
  for (const prompt of new Set(pairs.map((pair) => pair.prompt))) {
    const ranking = await model.openPrompt({ prompt });
    for (const [i, pair] of pairs.entries())
      if (pair.prompt === prompt) ofPairs["an open prompt"][i] = (await ranking.score(pair.response)).score;
    await ranking.close();
  }
  await model.close();
  ways.reversed = (await scoresOf(items.toReversed())).toReversed();
  ways["apart, two threads"] = await scoresOf(items, { sharePrefixes: false, threads: 2 });
  ofPairs.apart = await scoresOf(pairs, { sharePrefixes: false });
  for (const batchTokens of batches) ways[`batches of ${batchTokens}`] = await scoresOf(items, { batchTokens });
  const { cpuLibrary, batchMode, kernelReasons, kernels } = model.info;
  const lengths = together.map(({ tokenCount }) => tokenCount);
  return { cpuLibrary, batchMode, kernelReasons, kernels, lengths, ways, ofPairs };
}

const found = [];
for (const path of models) found.push(await examine(path));
console.log(JSON.stringify(found));
